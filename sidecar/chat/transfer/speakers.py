"""Who speaks, by what programs call the person and the model in many languages (pure)."""

from __future__ import annotations

import re

from sidecar.chat.transfer.message_tree import Role

_PERSON_WORDS = """
    user human you me prompt question person customer q i myself du ich frage nutzer benutzer vous utilisateur moi
    usted tú usuario pregunta tu utente domanda gebruiker vraag você usuário pergunta użytkownik пользователь вы вопрос
    користувач kullanıcı 用户 用戶 我 你 提问 提問 问题 問題 ユーザー あなた 質問 사용자 질문
"""
_MODEL_WORDS = """
    assistant ai bot model response answer reply agent chatbot a llm assistent assistente asistente antwort ki réponse
    respuesta risposta antwoord resposta asystent ассистент ответ помощник asistan 助手 助理 回答 机器人 機器人
    アシスタント 어시스턴트 답변
"""
_PERSON = frozenset(_PERSON_WORDS.split())
_MODEL = frozenset(_MODEL_WORDS.split())
_NAMES = (
    "chatgpt|gpt|openai|claude|anthropic|gemini|bard|grok|xai|(?:microsoft |github )?copilot|bing(?: chat)?|deepseek|"
    "mistral|mixtral|le ?chat|perplexity|cursor|windsurf|huggingchat|lumo|duck\\.ai|llama|ollama|"
    "qwen|kimi|poe|pi|cohere|command|phi|gemma|meta ai|o[1-9]"
)
# The name of a product, and what may follow it: "Claude Sonnet 4.5", "gpt-4o-mini", but not "Claude Shannon".
_PRODUCT = re.compile(
    rf"(?:{_NAMES})(?:[\s:_.-]*(?:v?\d[\w.]*|[a-z]?\d+[a-z]?|sonnet|opus|haiku|pro|flash|ultra|mini|nano|max|turbo|ai|it|"
    r"advanced|chat|instruct|large|medium|small|preview|thinking|reasoner|latest|fast|plus|coder?))*"
)
_AROUND = re.compile(r"^[^\w]+|[^\w)]+$")
_NOTE = re.compile(r"\s*[(\[【].*$")
_SAID = re.compile(r"\s+(?:said|says|asked|wrote|sagte)$")
_MOST = 60


def role_of(name: str) -> Role | None:
    """Return whose name it is; None for one that says nothing, such as that of a system, of a tool, or of a chapter."""
    if len(name) > _MOST:
        return None
    plain = _AROUND.sub("", _NOTE.sub("", _AROUND.sub("", name.strip()))).casefold()
    plain = _SAID.sub("", plain).removeprefix("from ")
    if plain in _PERSON:
        return "user"
    return "assistant" if plain in _MODEL or _PRODUCT.fullmatch(plain) else None


def model_of(*told: str) -> str | None:
    """Return the first of these that names a model and not only whose it is: "GPT-4o", but not "ChatGPT"."""
    for each in told:
        plain = _AROUND.sub("", each.strip()).removeprefix("(").removesuffix(")")
        if len(plain) <= _MOST and re.search(r"\d", plain) and _PRODUCT.fullmatch(plain.casefold()):
            return plain
    return None
