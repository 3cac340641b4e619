"""Reading the bodies of OpenAI's two APIs, which others take too (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.bodies import mapping
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.openai_family.schema import check_schema

_ROLES = ("system", "developer", "user", "assistant")


def read_chat(body: Mapping[str, Any]) -> ParsedRequest:
    """Return what a body of chat completions asks. Raise Refused for one that makes no sense."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(Refusal(400, "Missing required parameter: 'messages'.", param="messages"))
    form = mapping(body.get("response_format"))
    schema = form.get("type") == "json_schema"
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return ParsedRequest(
        model=str(body.get("model") or ""),
        messages=tuple(_message(message) for message in messages),
        stream=body.get("stream") is True,
        include_usage=mapping(body.get("stream_options")).get("include_usage") is True,
        json_mode=form.get("type") == "json_object",
        schema=check_schema(form.get("json_schema"), "response_format") if schema else None,
        max_output_tokens=limit if isinstance(limit, int) else None,
        effort=body.get("reasoning_effort"),
    )


def read_responses(body: Mapping[str, Any]) -> ParsedRequest:
    """Return what a body of the Responses API asks. Raise Refused for one that makes no sense."""
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not items:
        raise Refused(Refusal(400, "Missing required parameter: 'input'.", param="input"))
    reasoning = mapping(body.get("reasoning"))
    form = mapping(mapping(body.get("text")).get("format"))
    schema = form.get("type") == "json_schema"
    limit = body.get("max_output_tokens")
    return ParsedRequest(
        model=str(body.get("model") or ""),
        messages=tuple(_message(item) for item in items),
        stream=body.get("stream") is True,
        include_usage=True,
        json_mode=form.get("type") == "json_object",
        schema=check_schema(form, "text.format") if schema else None,
        max_output_tokens=limit if isinstance(limit, int) else None,
        effort=reasoning.get("effort"),
        search=any(mapping(tool).get("type") == "web_search" for tool in body.get("tools") or ()),
        summaries=bool(reasoning.get("summary")),
    )


def _message(message: Any) -> tuple[str, str]:
    """Return (role, text) of a message whose content is a text or a list of text parts."""
    role, content = mapping(message).get("role"), mapping(message).get("content")
    if role not in _ROLES:
        raise Refused(
            Refusal(400, "Invalid value: a message needs one of the known roles.", param="messages")
        )
    if isinstance(content, list):
        content = "".join(str(mapping(part).get("text", "")) for part in content)
    if not isinstance(content, str):
        raise Refused(Refusal(400, "Invalid value: a message's content must be text.", param="messages"))
    return str(role), content
