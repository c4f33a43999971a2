"""What a careful script does with the plain openai SDK: a pool of workers, two calls a prompt, nothing kept.

A prompt whose call still fails after the SDK's own two retries is lost; how many were is printed at the end.
"""

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


async def work(client: openai.AsyncOpenAI, prompts: Iterator[str]) -> int:
    lost = 0
    for prompt in prompts:
        try:
            await ask(client, _EDIT.format(prompt, await ask(client, prompt)))
        except openai.APIError:
            lost += 1
    return lost


async def main(path: Path, base_url: str, concurrency: int) -> None:
    prompts = (json.loads(line)["prompt"] for line in path.open())
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        lost = await asyncio.gather(*(work(client, prompts) for _ in range(concurrency)))
    if sum(lost):
        print(sum(lost), "prompts lost")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("prompts", type=Path)
    options.add_argument("--base-url", required=True)
    options.add_argument("--concurrency", type=int, required=True)
    given = options.parse_args()
    asyncio.run(main(given.prompts, given.base_url, given.concurrency))
