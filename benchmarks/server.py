"""A chat-completions endpoint that costs next to nothing and answers after lognormal latencies, for runner.py.

Answer and latency depend on the request's bytes alone. Prints its address, serves until stdin ends, then prints
``[number, received, latency]`` of every completion as JSON: the number after ``point`` in the request, seconds on
the clock that all processes of this machine share, seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
from functools import partial
from math import exp, log
from statistics import NormalDist
from time import monotonic

_TEXT = (
    "the plan asks every team to write down what it needs before work begins so that nobody waits for an answer later "
    "small steps are easy to check and a short note about each one saves long talks when someone new joins the group "
    "good tools show what changed and who can help while simple rules keep costs low and people calm under pressure"
)
_WORDS = _TEXT.split()
_LENGTH = 1500
_NUMBER = re.compile(rb"point (\d+)")
_LENGTH_FIELD = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_MODELS = b'{"object":"list","data":[{"id":"bench","object":"model"}]}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class Latency:
    """Lognormal seconds with this mean, drawn from 64 bits of a hash."""

    def __init__(self, mean: float, sigma: float) -> None:
        self._normal = NormalDist(log(mean) - sigma**2 / 2, sigma)

    def __call__(self, digest: bytes) -> float:
        return exp(self._normal.inv_cdf((int.from_bytes(digest[:8], "big") + 0.5) / 2**64))


class Chat(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    transport: asyncio.Transport

    def __init__(self, latency: Latency, calls: list[tuple[int, float, float]]) -> None:
        self._latency, self._calls, self._buffer = latency, calls, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        length = _LENGTH_FIELD.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self._buffer = b""
            if head.startswith(b"GET"):
                self._send(_MODELS)
            else:
                self._answer(body)

    def _answer(self, body: bytes) -> None:
        digest, number = hashlib.blake2b(body).digest(), _NUMBER.search(body)
        received, latency = monotonic(), self._latency(digest)
        self._calls.append((int(number[1]) if number else -1, received, latency))
        reply = completion(digest, tagged=b"<response>" in body)
        asyncio.get_running_loop().call_later(latency, self._send, reply)

    def _send(self, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(_HEAD % (len(reply), reply))


def completion(digest: bytes, *, tagged: bool) -> bytes:
    """A reply of 1,500 characters that no other request has, in tags when they are asked for."""
    words = [_WORDS[byte % len(_WORDS)] for byte in hashlib.shake_128(digest).digest(_LENGTH // 4)]
    text = ". ".join(" ".join(words[start : start + 13]).capitalize() for start in range(0, len(words), 13))
    text = text[: _LENGTH - 1] + "."
    content = f"Some sentences change.\n<response>{text}</response>" if tagged else text
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 300, "completion_tokens": 300, "total_tokens": 600}
    about = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench"}
    return json.dumps({**about, "choices": [choice], "usage": usage}).encode()


async def serve(latency: Latency) -> None:
    calls: list[tuple[int, float, float]] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Chat, latency, calls), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    json.dump(calls, sys.stdout)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--latency", type=float, default=0.5, help="mean, seconds")
    options.add_argument("--sigma", type=float, default=0.5, help="of the latency's logarithm")
    given = options.parse_args()
    asyncio.run(serve(Latency(given.latency, given.sigma)))
