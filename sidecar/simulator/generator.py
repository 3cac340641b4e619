"""What any simulated vendor makes of a question: the answer with its usage, or the failure that was ordered."""

from __future__ import annotations

from collections import Counter

from sidecar import clock
from sidecar.providers.base import Usage
from sidecar.simulator.answers import answer_text, reasoning_tokens, thinking_text
from sidecar.simulator.counting import count_prompt, count_tokens, first_tokens
from sidecar.simulator.directives import Directives, read_directives
from sidecar.simulator.exchange import Completion, Finish, ParsedRequest, Refusal, Refused
from sidecar.simulator.models import SimModel
from sidecar.simulator.prompt_cache import PromptCache

REFUSAL_TEXT = "I'm sorry, but I can't help with that. (A simulated refusal.)"
_QUOTA = Refusal(
    429,
    "You exceeded your current quota, please check your plan and billing details.",
    type="insufficient_quota",
    code="insufficient_quota",
)


class Generator:
    """Remembers what prompts were cached and which ordered failures have happened."""

    def __init__(self, now_ms: clock.Now) -> None:
        self._now_ms = now_ms
        self._cache = PromptCache()
        self._failures: Counter[tuple[str, str]] = Counter()

    def orders(self, parsed: ParsedRequest) -> Directives:
        """What the prompt orders now. Raises Refused for the failures that come before any answer."""
        try:
            orders = read_directives(parsed.prompt)
        except ValueError as problem:
            raise Refused(Refusal(400, str(problem), code="simulator_directive")) from None
        if orders.fails and orders.times is not None:
            failed = self._failures[parsed.model, parsed.prompt]
            if failed >= orders.times:
                return orders.without_failures()
            self._failures[parsed.model, parsed.prompt] += 1
        if orders.quota:
            raise Refused(_QUOTA)
        if orders.status is not None:
            raise Refused(ordered(orders.status, orders.retry_after))
        return orders

    def complete(self, parsed: ParsedRequest, model: SimModel, orders: Directives, serial: str) -> Completion:
        """The whole answer, with what it used."""
        refusal = REFUSAL_TEXT if orders.refusal else ""
        text = "" if refusal else answer_text(parsed, model.title, orders.tokens)
        finish: Finish = "stop"
        if orders.finish == "length":
            text, finish = first_tokens(text, count_tokens(text) // 2), "length"
        reasoning = reasoning_tokens(parsed) if model.reasons else 0
        if parsed.max_output_tokens is not None:
            reasoning = min(reasoning, parsed.max_output_tokens)
            short = first_tokens(text, parsed.max_output_tokens - reasoning)
            if short != text:
                text, finish = short, "length"
        prompt = count_prompt(parsed.messages)
        cached, written = self._cache.look_up(model.id, parsed.messages)
        written = written if model.bills_cache_writes else 0
        usage = Usage(
            in_uncached=prompt - cached - written,
            cache_read=cached,
            cache_write_short=written,
            out_visible=count_tokens(refusal or text),
            out_reasoning=reasoning,
            searches=1 if parsed.search else 0,
            prompt_total=prompt,
            service_tier=orders.tier or "default",
        )
        return Completion(
            id=serial,
            created_s=self._now_ms() // 1000,
            served_model=model.id,
            text=text,
            finish=finish,
            usage=usage,
            thinking=thinking_text(parsed, model.title) if parsed.summaries and reasoning else "",
            refusal=refusal,
        )


def ordered(status: int, retry_after_s: float | None) -> Refusal:
    """The vendor's usual words for a status that a directive orders."""
    kinds = {
        401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
        403: ("permission_error", None, "You do not have access to this."),
        404: ("invalid_request_error", "model_not_found", "The model does not exist."),
        429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    }
    type_, code, message = kinds.get(
        status,
        ("server_error", "server_error", "The server had an error while processing your request.")
        if status >= 500
        else ("invalid_request_error", None, "The request was refused, as the simulator was told to."),
    )
    return Refusal(status, message, type=type_, code=code, retry_after_s=retry_after_s)
