"""What a careful script does with the plain openai SDK: a pool of workers, two calls a prompt, nothing kept.

A prompt whose call still fails after the SDK's own two retries is lost; how many were is printed at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import openai
from two_calls import EDIT, arguments, read


async def ask(client: openai.AsyncOpenAI, text: str) -> str:
    reply = await client.chat.completions.create(model="bench", messages=[{"role": "user", "content": text}])
    return reply.choices[0].message.content or ""


async def work(client: openai.AsyncOpenAI, prompts: Iterator[str]) -> int:
    lost = 0
    for prompt in prompts:
        try:
            await ask(client, EDIT.format(prompt, await ask(client, prompt)))
        except openai.APIError:
            lost += 1
    return lost


async def main(path: Path, base_url: str, concurrency: int) -> None:
    prompts = read(path)
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        lost = await asyncio.gather(*(work(client, prompts) for _ in range(concurrency)))
    if sum(lost):
        print(sum(lost), "prompts lost")


if __name__ == "__main__":
    given = arguments(__doc__).parse_args()
    asyncio.run(main(given.prompts, given.base_url, given.concurrency))
