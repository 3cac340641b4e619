"""What Anthropic refuses in a request (pure). A simulator that takes everything would hide our mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.anthropic.capabilities import ModelHabits, habits
from sidecar.simulator.anthropic.errors import refused
from sidecar.simulator.anthropic.request import AnthropicRequest, breakpoints
from sidecar.simulator.anthropic.schema import check_schema
from sidecar.simulator.bodies import mapping
from sidecar.simulator.counting import count_prompt
from sidecar.simulator.models import SimModel

EFFORTS = ("low", "medium", "high", "xhigh", "max")
SMALLEST_BUDGET = 1_024
MOST_BREAKPOINTS = 4
# OpenAI's members and the vendor's own older ones are refused, as every member that is not known.
_MEMBERS = frozenset(
    {
        "model",
        "max_tokens",
        "messages",
        "system",
        "stop_sequences",
        "stream",
        "metadata",
        "thinking",
        "output_config",
        "cache_control",
        "tools",
        "tool_choice",
        "service_tier",
        "inference_geo",
        "speed",
        "temperature",
        "top_p",
        "top_k",
    }
)


def check(body: Mapping[str, Any], parsed: AnthropicRequest, model: SimModel) -> None:
    """Raises Refused for what the vendor would answer with a 400."""
    habit = habits(model.id)
    for member in sorted(body.keys() - _MEMBERS):
        raise refused(f"{member}: Extra inputs are not permitted")
    _check_thinking(body, habit, model)
    _check_temperature(body, parsed, habit)
    _check_output(mapping(body.get("output_config")), parsed, habit, model)
    _check_cache(body)
    for tool in body.get("tools") or ():
        uses = mapping(tool).get("max_uses")
        if uses is not None and not (isinstance(uses, int) and uses >= 1):
            raise refused("tools: max_uses must be at least 1")
    if parsed.search and "web_search" not in model.features:
        raise refused(f"'{model.id}' does not support web search.")
    if parsed.messages[-1][0] == "assistant" and not parsed.resumed and not habit.prefill:
        raise refused("This model does not support assistant message prefill.")
    prompt = count_prompt(parsed.messages)
    if prompt > model.context_size:
        raise refused(f"prompt is too long: {prompt} tokens > {model.context_size} maximum")


def _check_thinking(body: Mapping[str, Any], habit: ModelHabits, model: SimModel) -> None:
    given = mapping(body.get("thinking"))
    kind = given.get("type")
    if kind is None:
        return
    if kind not in habit.thinking or "extended_thinking" not in model.features:
        raise refused(f'"thinking.type.{kind}" is not supported for this model.')
    if kind == "enabled":
        budget = given.get("budget_tokens")
        if not isinstance(budget, int) or budget < SMALLEST_BUDGET:
            raise refused("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if budget >= body.get("max_tokens", budget + 1):
            raise refused("`max_tokens` must be greater than `thinking.budget_tokens`.")
    effort = mapping(body.get("output_config")).get("effort")
    if kind == "disabled" and model.id == "claude-opus-5" and effort in ("xhigh", "max"):
        raise refused("thinking cannot be disabled at this effort")


def _check_temperature(body: Mapping[str, Any], parsed: AnthropicRequest, habit: ModelHabits) -> None:
    temperature = body.get("temperature")
    if temperature is None:
        return
    if not isinstance(temperature, (int, float)) or not 0 <= temperature <= 1:
        raise refused("temperature: Input should be between 0 and 1")
    if temperature != 1 and not habit.temperature:
        raise refused("`temperature` may only be set to its default on this model.")
    if temperature != 1 and parsed.thinks:
        raise refused("`temperature` may only be set to 1 when thinking is enabled.")


def _check_output(
    output: Mapping[str, Any], parsed: AnthropicRequest, habit: ModelHabits, model: SimModel
) -> None:
    effort = output.get("effort")
    if effort is not None:
        if not habit.effort:
            raise refused("This model does not support the effort parameter.")
        if effort not in EFFORTS:
            raise refused("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    form = output.get("format")
    if form is None:
        return
    if "json_schema" not in model.features:
        raise refused(f"'{model.id}' does not support output format.")
    if parsed.search:
        raise refused("output_config.format: citations are not compatible with structured outputs.")
    if parsed.schema is None:
        raise refused("output_config.format.type: Input should be 'json_schema'")
    check_schema(parsed.schema)


def _check_cache(body: Mapping[str, Any]) -> None:
    lifetimes = [ttl for _, ttl in breakpoints(body)]
    if len(lifetimes) > MOST_BREAKPOINTS:
        raise refused(f"A maximum of 4 blocks with cache_control may be provided. Found {len(lifetimes)}.")
    if "5m" in lifetimes and "1h" in lifetimes[lifetimes.index("5m") :]:
        raise refused("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.")
