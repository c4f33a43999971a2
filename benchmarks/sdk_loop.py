"""What a careful script does with the plain openai SDK: a pool of workers, two calls a prompt, nothing kept."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import openai

_EDIT = "Write an edited response that is BETTER than this one, between <response> and </response>.\n\n{}\n\n{}"


async def ask(client: openai.AsyncOpenAI, text: str) -> str:
    reply = await client.chat.completions.create(model="bench", messages=[{"role": "user", "content": text}])
    return reply.choices[0].message.content or ""


async def work(client: openai.AsyncOpenAI, prompts: Iterator[str]) -> None:
    for prompt in prompts:
        await ask(client, _EDIT.format(prompt, await ask(client, prompt)))


async def main(path: Path, base_url: str, concurrency: int) -> None:
    prompts = (json.loads(line)["prompt"] for line in path.open())
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        await asyncio.gather(*(work(client, prompts) for _ in range(concurrency)))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("prompts", type=Path)
    options.add_argument("--base-url", required=True)
    options.add_argument("--concurrency", type=int, required=True)
    given = options.parse_args()
    asyncio.run(main(given.prompts, given.base_url, given.concurrency))
