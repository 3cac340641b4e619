"""chat:* — asking a model and stopping it."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sidecar.chat.chat_types import ChatInput, ChatResult
from sidecar.chat.compare import Compared
from sidecar.chat.compare import compare as compare_models
from sidecar.chat.json_output.schema import read_schema
from sidecar.chat.options import Options
from sidecar.chat.waiting import Waiting
from sidecar.contract.errors import ERRORS
from sidecar.methods import wire
from sidecar.methods.services import Request
from sidecar.providers.base import Event, TextDelta, ThinkingDelta, Usage
from sidecar.rpc.to_wire_error import to_wire_error

if TYPE_CHECKING:
    from sidecar.contract.types import chat as types


async def send(call: Request, params: types.ChatSendParams) -> dict[str, Any]:
    return await _send(call, _chat_input(params, params.model_id))


async def send_structured(call: Request, params: types.ChatSendParams) -> dict[str, Any]:
    chat_input = _chat_input(params, params.model_id)
    return await _send(call, replace(chat_input, options=replace(chat_input.options, json_mode=True)))


async def compare(call: Request, params: types.ChatCompareParams) -> dict[str, Any]:
    def emit(model_id: str, event: Event | Waiting) -> None:
        _progress(call, event, {"modelId": model_id})

    def reply_of(compared: Compared) -> dict[str, Any]:
        if not isinstance(compared.outcome, ChatResult):
            return {
                "modelId": compared.model_id,
                "error": to_wire_error(compared.outcome, ERRORS, call.method),
            }
        return {"modelId": compared.model_id, "reply": _result(compared.outcome)}

    def finished(model_id: str, reply: ChatResult) -> None:
        _done(call, reply, {"modelId": model_id})

    await call.services.discovery.learn(params.model_ids)
    chat_input = _chat_input(params, "")
    comparison = await compare_models(call.services.chat, chat_input, params.model_ids, emit, finished)
    return {"turnId": comparison.turn_id, "replies": [reply_of(each) for each in comparison.outcomes]}


async def abort(call: Request, params: types.ChatAbortParams) -> dict[str, int]:
    return {"aborted": call.services.chat.abort(params.conversation_id)}


def ask_again(call: Request, chat_input: ChatInput) -> Coroutine[Any, Any, dict[str, Any]]:
    """Ask, for messages:regenerate: a ChatSendResult."""
    return _send(call, chat_input)


async def _send(call: Request, chat_input: ChatInput) -> dict[str, Any]:
    await call.services.discovery.learn([chat_input.model_id])
    reply = await call.services.chat.send(chat_input, lambda event: _progress(call, event, {}))
    _done(call, reply, {})
    return _result(reply)


def _progress(call: Request, event: Event | Waiting, of: dict[str, str]) -> None:
    match event:
        case TextDelta(text):
            call.progress({"type": "text", "text": text, **of})
        case ThinkingDelta(text):
            call.progress({"type": "thinking", "text": text, **of})
        case Waiting(wait_ms, reason):
            call.progress({"type": "waiting", "seconds": wait_ms / 1000, "reason": reason, **of})


def _done(call: Request, reply: ChatResult, of: dict[str, str]) -> None:
    done = {"type": "done", "usage": _usage(reply.usage), **of}
    money = wire.between(reply.at_least_usd, reply.at_most_usd)
    call.progress(done | wire.present({"costUSD": _dollars(reply)}) | money)


def _chat_input(params: types.ChatSendParams | types.ChatCompareParams, model_id: str) -> ChatInput:
    chosen = params.options
    options = (
        Options(system=params.system_prompt) if chosen is None else options_of(chosen, params.system_prompt)
    )
    return ChatInput(params.content, model_id, params.conversation_id, options=options)


def options_of(chosen: types.ChatOptions, system_prompt: str | None) -> Options:
    """What a request names itself."""
    return Options(
        system=chosen.system_prompt or (system_prompt if chosen.system_prompt is None else ""),
        developer=chosen.developer,
        temperature=chosen.temperature,
        max_output_tokens=chosen.max_output_tokens,
        json_mode=chosen.json_mode,
        json_schema=read_schema(chosen.json_schema),
        prompt_caching=chosen.enable_prompt_caching,
        cache_ttl=chosen.cache_ttl,
        web_search=chosen.enable_web_search,
        thinking=chosen.enable_extended_thinking,
        effort=chosen.reasoning_effort,
    )


def _result(reply: ChatResult) -> dict[str, Any]:
    usage = reply.usage or Usage()
    cost = _dollars(reply)
    result = {
        "id": reply.id,
        "answer": reply.text,
        "content": reply.text,
        "role": "assistant",
        "promptTokens": usage.prompt_total,
        "answerTokens": usage.out_total,
        "usage": _usage(reply.usage),
        "provider": reply.label,
        "model": reply.model,
        "timestamp": reply.timestamp,
        "latencyMs": reply.latency_ms,
        "finishReason": reply.finish_reason,
    }
    optional = {
        "costUSD": cost,
        "cost": cost,
        "servedModel": reply.served_model,
        "thinking": reply.thinking or None,
        "citations": [{"url": each.url, "title": each.title} for each in reply.citations] or None,
        "notes": list(reply.notes) or None,
    }
    money = wire.between(reply.at_least_usd, reply.at_most_usd)
    return result | wire.present(optional) | money | ({"json": reply.json} if reply.is_json else {})


def _usage(usage: Usage | None) -> dict[str, int]:
    """Zeros when the vendor reported nothing: the renderer adds them up, and the notes say so."""
    usage = usage or Usage()
    written = usage.cache_write_short + usage.cache_write_long
    return {
        "prompt_tokens": usage.prompt_total,
        "completion_tokens": usage.out_total,
    } | wire.present(
        {
            "cache_creation_input_tokens": written or None,
            "cache_read_input_tokens": usage.cache_read or None,
            "reasoning_tokens": usage.out_reasoning or None,
        }
    )


def _dollars(reply: ChatResult) -> float | None:
    return None if reply.cost_usd is None else float(reply.cost_usd)
