"""A chat-completions endpoint that costs next to nothing and answers after lognormal latencies, for runner.py, pace.py.

Answer and latency depend on the request's bytes alone. Prints its address, serves until stdin ends, then prints
``[number, received, latency, status]`` of every completion as JSON: the number after ``point`` in the request,
seconds on the clock that all processes of this machine share, seconds until the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import heapq
import json
import re
import sys
from functools import partial
from math import exp, log
from random import Random
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
_HEAD = b"HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n%b"
_NO = b'{"error":{"message":"not now","code":null}}'


class Latency:
    """Lognormal seconds with this mean, drawn from 64 bits of a hash."""

    def __init__(self, mean: float, sigma: float) -> None:
        self._normal = NormalDist(log(mean) - sigma**2 / 2, sigma)

    def __call__(self, digest: bytes) -> float:
        return exp(self._normal.inv_cdf((int.from_bytes(digest[:8], "big") + 0.5) / 2**64))


class Room:
    """What the endpoint can take: ``slots`` answers in the making, the others queue; ``rate`` requests a second.

    Above the rate it says 429, but for one second's worth that it saves up. window: seconds, each of which begins with
    a full count, as many gateways have it; saves up nothing. refuse, fail: shares of requests that get 429 and 500 for
    no reason. Zero: no such limit.
    """

    def __init__(self, slots: int, rate: float, window: float, refuse: float, fail: float) -> None:
        self._free = [0.0] * slots
        self._rate, self._level, self._at = rate, rate, monotonic()
        self._window = window
        self._refuse, self._fail, self._random = refuse, fail, Random(1)

    def status(self, now: float) -> int:
        draw = self._random.random()
        if draw < self._refuse + self._fail:
            return 429 if draw < self._refuse else 500
        if not self._rate:
            return 200
        if not self._window:
            self._level, self._at = min(self._rate, self._level + (now - self._at) * self._rate), now
        elif now // self._window > self._at // self._window:
            self._level, self._at = self._rate * self._window, now
        if self._level < 1:
            return 429
        self._level -= 1
        return 200

    def until_answered(self, now: float, latency: float) -> float:
        """Seconds, with those in the queue."""
        if not self._free:
            return latency
        end = max(now, self._free[0]) + latency
        heapq.heapreplace(self._free, end)
        return end - now


class Chat(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    transport: asyncio.Transport

    def __init__(self, latency: Latency, room: Room, extra: bytes, calls: list[tuple[int, float, float, int]]) -> None:
        self._latency, self._room, self._extra, self._calls, self._buffer = latency, room, extra, calls, b""

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
                self._send(200, _MODELS)
            else:
                self._answer(body)

    def _answer(self, body: bytes) -> None:
        digest, number = hashlib.blake2b(body).digest(), _NUMBER.search(body)
        received = monotonic()
        status = self._room.status(received)
        seconds = self._room.until_answered(received, self._latency(digest)) if status == 200 else 0.0
        self._calls.append((int(number[1]) if number else -1, received, seconds, status))
        reply = completion(digest, tagged=b"<response>" in body) if status == 200 else _NO
        asyncio.get_running_loop().call_later(seconds, self._send, status, reply)

    def _send(self, status: int, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(_HEAD % (status, len(reply), self._extra if status == 429 else b"", reply))


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


async def serve(latency: Latency, room: Room, extra: bytes) -> None:
    calls: list[tuple[int, float, float, int]] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Chat, latency, room, extra, calls), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    json.dump(calls, sys.stdout)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--latency", type=float, default=0.5, help="mean, seconds")
    options.add_argument("--sigma", type=float, default=0.5, help="of the latency's logarithm")
    options.add_argument("--slots", type=int, default=0, help="answers in the making at once; 0: any number")
    options.add_argument("--rate", type=float, default=0, help="requests a second; 0: any number")
    options.add_argument("--window", type=float, default=0, help="seconds that each begin with a full count")
    options.add_argument("--retry-after", help="the header's value, with each 429")
    options.add_argument("--refuse", type=float, default=0, help="share of requests that get 429")
    options.add_argument("--fail", type=float, default=0, help="share of requests that get 500")
    given = options.parse_args()
    header = f"Retry-After: {given.retry_after}\r\n".encode() if given.retry_after else b""
    room = Room(given.slots, given.rate, given.window, given.refuse, given.fail)
    asyncio.run(serve(Latency(given.latency, given.sigma), room, header))
