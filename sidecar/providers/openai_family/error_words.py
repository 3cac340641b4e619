"""What the words of an error stand for where neither a code nor a status says it (pure)."""

from __future__ import annotations

import re

_TOO_LITTLE = r"insufficient.{0,10}(balance|quota|credit|fund)"
# What a person has set for a key, a team or a month is gone; this alone is no word of how fast one may ask.
_OVER_BUDGET = (
    r"budget (has been |was |is )?exceeded|exceeded ?(your |the |its )?budget|\bover budget",
    r"spend(ing)? limits?.{0,20}(reached|exceeded)|(reached|exceeded|reaching|exceeding) .{0,40}\bspend(ing)? limit",
    r"额度.{0,4}(已用尽|用尽|已用完)",
    r"\bspecified .{0,30}\busage limits?\b|\busage limits?\b.{0,40}\bregain access",
)
CREDIT_USED_UP = (
    _TOO_LITTLE,
    *_OVER_BUDGET,
    r"(balance|credit).{0,20}(low|empty|enough)",
    r"(out of|no more|add|more) (credits?|funds|balance)",
    r"quota.{0,20}(exhausted|used up)",
    r"current quota|\bbilling\b|arrears|余额|欠费",
)
# The same where nothing but the words or the code says that it is about money.
CREDIT_GONE = (
    _TOO_LITTLE,
    r"credit balance.{0,20}(low|empty|enough)",
    *_OVER_BUDGET,
    r"\b(key|usage) limits? exceeded|reached .{0,40}\busage limits?\b|used (all|up) .{0,20}\bcredits",
    r"\barrear(s|age)\b|free.?tier.{0,30}\b(exhausted|only)\b|余额不足|额度不足|欠费",
)
TOO_FAST = (
    r"rate.?limit|too many (requests|concurrent)|requests per|concurrency|throttl|请求过多|限流",
    r"limit.{0,20}(reached|exceeded)",
    r"quota exceeded|exceed\w* .{0,30}\bquota",
)
BAD_KEY = (
    r"\b(invalid|incorrect|missing|wrong|expired) .{0,10}(api.?key|\bkey|access token|token|credentials?)\b(?! count)",
    r"\b(api.?key|access token|token|credential)s? (is|are|has|was) (invalid|expired|incorrect|wrong|missing|disabled)",
    r"unauthori[sz]ed|\bnot authenticated|unauthenticated|authentication (failed|error|required)|security token",
)
FORBIDDEN = (r"\bno permission|permission denied|access denied|\bforbidden\b|no access",)
NO_SUCH_MODEL = (
    r"model.{0,60}(not found|not exist|unknown)",
    r"\b(unknown|no such|not a valid|invalid) model\b|route to model|无可用渠道",
)
BLOCKED = (
    r"\bflagged\b|moderation|safety (system|policy|check)|content (polic|filter)|\bsensitive\b",
    r"inappropriate content|risk control|敏感|违规",
)
REFUSED = (
    r"\bInvalid(Parameter|Argument|Request)|BadRequest",
    (
        r"\b(invalid|bad|malformed|unsupported|unknown|missing|unrecogni[sz]ed) "
        r"(request|parameter|argument|value|field|json)"
    ),
    r"\bnot (supported|permitted|allowed)\b|\bis required\b|validation error",
    r"must be (one|a|an|less|greater|between)\b",
)
TOO_LONG = (
    r"context[ _](length|window|size|limit)|maximum context|(prompt|input) is too long|context the overflows",
    r"exceeds? the (model's )?(maximum|available) (context|sequence|input)|maximum prompt length",
    r"max_new_tokens.{0,5} must be <=|input tokens exceed|range of input length",
    r"request (is )?too large|too large for .{0,60}\bmodel\b|string_above_max",
    # As the servers call it that run models themselves.
    r"\b(max_seq_len|max_model_len|max_input_len|session_len|n_ctx)\b",
    r"\b(input|prompt|messages?|inputs)\b( length| size)?( is| are)? too long\b",
    (
        r"\b(input|prompt|inputs)\b.{0,40}\b(longer|greater|exceeds?|exceeded|must have less|must be <=|cannot exceed)"
        r"\b.{0,40}\b(length|tokens?|limit|maximum|max)\b"
    ),
    r"\bprompt tokens\b.{0,12} must be <=|\b(request|model)\b.{0,20}\btoken limit",
    r"(?<!output )(?<!completion )\btokens\b.{0,30}\b(exceeds?|more than)\b.{0,25}\b(limit|max|maximum)\b",
    r"too many (input |prompt )?tokens\b(?! (processed|per|in))",
    # Alone: beside a day, a user or a minute it is another limit.
    (
        r"^\W*(error\W+)?(the )?((input|prompt|request|max|maximum) )?tokens? limit"
        r"( was| is| has been)? (exceeded|reached)\W*$"
    ),
    r"\breduce the (length|size) of (the |your )?(messages|prompt|input|conversation|context)",
    r"\b(conversation|chat|history|messages?)\b( you (submitted|sent))? (is|was|are|were) too (long|large)\b",
    r"\bprompt (is|was) too large\b|\bcontext[ _]?overflow|\bexceeds? (the )?(model'?s?|its) context\b",
    r"\bsequence length\b.{0,30}\b(exceeds?|longer|greater)\b",
    r"\bmaximum number of (input |prompt )?tokens (was |is )?exceeded",
    r"\b(input|prompt)[ _]tokens?\b.{0,12}(>|\bexceeds?\b)",
    r"\bprompt (has|contains) \d+ tokens\b",
    r"(输入|上下文|提示词?|对话).{0,8}(过长|超过|超出|超限)|(超过|超出).{0,6}上下文|tokens? ?(数量?)?(过长|超限)",
)

# The first that fits; what nobody understands is the server's own trouble.
_MEANINGS = (
    (TOO_LONG, 400),
    (CREDIT_USED_UP, 402),
    (TOO_FAST, 429),
    (BAD_KEY, 401),
    (NO_SUCH_MODEL, 404),
    (BLOCKED, 403),
    (FORBIDDEN, 403),
    (REFUSED, 400),
)


def speaks_of(words: tuple[str, ...], message: str) -> bool:
    """Whether any of the patterns fits the message."""
    return any(re.search(each, message, re.IGNORECASE) for each in words)


def status_of_words(message: str) -> int:
    """Return the status that an error with these words has elsewhere."""
    return next((status for words, status in _MEANINGS if speaks_of(words, message)), 500)
