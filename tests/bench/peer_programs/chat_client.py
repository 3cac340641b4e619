"""The bare openai package, or litellm, asking the benchmark's vendor from so many workers; prints one line of JSON.

chat_client.py openai|litellm BASE_URL ROWS AT_ONCE
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

KEY = "sk-bench"
MODEL = "gpt-6-luna"


def asking(package: str, base_url: str) -> Callable[[str], Any]:
    """Return what asks one question and gives the stream of its answer."""
    if package == "openai":
        from openai import AsyncOpenAI

        client = AsyncOpenAI(base_url=base_url, api_key=KEY)

        def ask(text: str) -> Any:
            return client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": text}],
                stream=True,
                stream_options={"include_usage": True},
            )

        return ask
    import litellm

    def lite(text: str) -> Any:
        return litellm.acompletion(
            model=f"openai/{MODEL}",
            messages=[{"role": "user", "content": text}],
            stream=True,
            stream_options={"include_usage": True},
            api_base=base_url,
            api_key=KEY,
        )

    return lite


async def main(package: str, base_url: str, rows: int, at_once: int) -> None:
    ask = asking(package, base_url)
    added: list[float] = []
    first: list[float] = []

    async def one(number: int) -> None:
        begun = time.perf_counter_ns()
        stream: AsyncIterator[Any] = await ask(f"Question {number}: what is the use of it?")
        waiting = True
        async for chunk in stream:
            text = chunk.choices[0].delta.content if chunk.choices else None
            if not text:
                continue
            now = time.perf_counter_ns()
            if text[0].isdigit():
                added.append((now - int(text.split()[0])) / 1e6)
            if waiting:
                waiting = False
                first.append((now - begun) / 1e6)

    async def worker(numbers: Any) -> None:
        for number in numbers:
            await one(number)

    async def all_of(count: int) -> None:
        numbers = iter(range(count))
        await asyncio.gather(*(worker(numbers) for _ in range(at_once)))

    await all_of(at_once)
    added.clear()
    first.clear()
    begun, used = time.perf_counter(), time.process_time()
    await all_of(rows)
    taken, used = time.perf_counter() - begun, time.process_time() - used
    told = {"rows_a_second": rows / taken, "ms_a_row": used * 1000 / rows, "added": added, "first": first}
    print(json.dumps(told))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
