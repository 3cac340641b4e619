"""What columns and members are called: which field of a row a name is one of, however it is spelled (pure)."""

from __future__ import annotations

import re

ROW_FIELDS = (
    "id",
    "prompt",
    "model",
    "system",
    "developer",
    "temperature",
    "maxOutputTokens",
    "jsonMode",
    "jsonSchema",
)
# By names without blanks, lines, dots and capitals: `Max Tokens`, `max_tokens` and `maxTokens` are one.
_FIELD_OF = {name.casefold(): name for name in ROW_FIELDS} | {
    **dict.fromkeys(("customid",), "id"),
    **dict.fromkeys(("userprompt", "prompttext", "usermessage"), "prompt"),
    **dict.fromkeys(("modelid", "modelname"), "model"),
    **dict.fromkeys(("systemprompt", "systemmessage", "systeminstruction", "systeminstructions"), "system"),
    **dict.fromkeys(("developerprompt", "developermessage"), "developer"),
    **dict.fromkeys(("maxtokens", "maxcompletiontokens", "maxnewtokens"), "maxOutputTokens"),
    "responseschema": "jsonSchema",
}
# What people write behind a name, or before it: "Prompt*", "Max tokens [int]", "temperature (0-2)".
_REMARK = re.compile(r"^\*\s*|(?:\s*(?:\([^()]{1,40}\)|\[[^\[\]]{1,40}\]|\*))+\s*$")
_LONGEST_NAME = 200
_REMARK_ENDS = frozenset(")]*")
# What other programs have options for, and a row has not.
_OPTION_WORDS = """
    topp topk minp seed stop stopsequences presencepenalty frequencypenalty repetitionpenalty reasoningeffort
    responseformat maxlength logprobs logitbias tools toolchoice thinkingbudget verbosity servicetier
"""
_OTHER_OPTIONS = frozenset(_OPTION_WORDS.split())
# What a column of prompts may be called where none is called a prompt, the likelier name first.
_PROMPT_WORDS = """
    question query instruction input text request message content task
    prompts questions queries instructions inputs texts requests messages tasks problem ctx goal utterance sentence
    frage fragen aufgabe anfrage eingabe vraag pregunta texto pergunta domanda testo texte demande fråga spørgsmål
    kysymys pytanie otázka soru вопрос запрос промпт текст 问题 問題 提示词 提示詞 提示 質問
    プロンプト テキスト 질문 프롬프트
"""
PROMPT_NAMES = tuple(_PROMPT_WORDS.split())
_SEPARATORS = re.compile(r"[\s_.\-\u200b-\u200f\u2060\ufeff\u00ad]+")


def field_of(column: str) -> str | None:
    """The field of a row that a column of this name fills, whatever is remarked behind it; None for data."""
    if len(column) <= _LONGEST_NAME and (column[-1:] in _REMARK_ENDS or column[:1] == "*"):
        column = _REMARK.sub("", column)
    return _FIELD_OF.get(squeezed(column))


def is_option(name: str) -> bool:
    """Whether other programs have an option of this name, and a row has not."""
    return squeezed(name) in _OTHER_OPTIONS


def is_name_of(field: str, name: str) -> bool:
    """Whether a name is that of the field itself, and not a near one."""
    return squeezed(name) == field.casefold()


def squeezed(name: str) -> str:
    """Return a name without what people write differently in it: capitals, blanks and lines."""
    return _SEPARATORS.sub("", name).casefold()
