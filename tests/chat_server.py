"""A chat-completions server on a real socket, that answers as FakeBackend does and fails as it is told to.

    with ChatServer(script=[Fault(status=429, headers={"Retry-After": "1"}), None]) as server:
        backend = OpenAIBackend(model="test-model", base_url=server.url)

The script says how each call fails: a list, one entry a call (None: it does not), or a function of the call.
As a program it prints its address and serves until it is stopped: ``python tests/chat_server.py --port 0``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rmboost.backends.fake import FakeBackend
from rmboost.records import Request, stable_hash


@dataclass(frozen=True)
class Call:
    """One request as it came in. ``attempt``: 0 when this very body came for the first time."""

    headers: Mapping[str, str]
    body: Mapping[str, Any]
    attempt: int


@dataclass(frozen=True)
class Fault:
    """How a call goes wrong; every field left as it is stays right.

    content: the body in place of the reply. message, code: of the error object of an error status.
    reply, choice: merged into the reply and into its one choice. hang_up: when the connection breaks.
    delay: seconds until the answer.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    message: str = "scripted"
    code: str | int | None = None
    reply: Mapping[str, Any] = field(default_factory=dict)
    choice: Mapping[str, Any] = field(default_factory=dict)
    hang_up: Literal["at once", "half way", "never answer"] | None = None
    delay: float = 0.0


Script = Callable[[Call], Fault | None] | Sequence[Fault | None]


def some(share: float, *faults: Fault) -> Callable[[Call], Fault | None]:
    """A script that fails a share of the requests, chosen by their content, and only when first asked."""

    def script(call: Call) -> Fault | None:
        draw = stable_hash(call.body)
        return faults[draw % len(faults)] if call.attempt == 0 and draw / 2**63 < share else None

    return script


class ChatServer:
    """Serves in a thread of its own between ``with`` and its end; notes every call.

    models_fault: what becomes of the list of models. nothing_asked: what is said to a request without messages.
    """

    def __init__(
        self,
        script: Script = (),
        models: Sequence[str] = ("test-model",),
        models_fault: Fault | None = None,
        nothing_asked: Fault = Fault(status=400, message="messages: field required"),
        latency: float = 0.0,
    ) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.script, self._models, self._models_fault = script, models, models_fault
        self._nothing_asked = nothing_asked
        self._fake = FakeBackend(latency=latency)
        self._attempts: Counter[int] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> ChatServer:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve_until_closed(ready)))
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _serve_until_closed(self, ready: threading.Event) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        server = await self.start(0)
        ready.set()
        await self._closing.wait()
        server.close()

    async def start(self, port: int) -> asyncio.Server:
        """Listen, on a free port when it is 0."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", port, backlog=4096)
        self.port = int(server.sockets[0].getsockname()[1])
        return server

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client went away, which is its right
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in head[1:-2])
        headers = {name.lower(): value.strip() for name, _, value in fields}
        sent = await reader.readexactly(int(headers.get("content-length", 0)))
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            fault, reply = await self._answer(head[0].split()[1], headers, json.loads(sent or b"{}"))
            return await _send(fault, reply, reader, writer)
        finally:
            self.in_flight -= 1

    async def _answer(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> tuple[Fault, bytes]:
        if path == "/v1/models":
            listed = {"object": "list", "data": [{"id": name, "object": "model"} for name in self._models]}
            return self._models_fault or Fault(), json.dumps(listed).encode()
        if path != "/v1/chat/completions":
            return Fault(status=404, message=f"no {path} here"), b""
        if "messages" not in body:
            return self._nothing_asked, b""
        fault = self._fault(headers, body) or Fault()
        await asyncio.sleep(fault.delay)
        return fault, json.dumps(await self._completion(body, fault)).encode()

    def _fault(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Fault | None:
        number, draw = len(self.calls), stable_hash(body)
        call = Call(headers, body, self._attempts[draw])
        self._attempts[draw] += 1
        self.calls.append(call)
        if callable(self.script):
            return self.script(call)
        return self.script[number] if number < len(self.script) else None

    async def _completion(self, body: Mapping[str, Any], fault: Fault) -> dict[str, Any]:
        asked = Request(tuple(body["messages"]), body.get("seed", 0), logprobs=body.get("top_logprobs", 0))
        answer = await self._fake.complete(asked)
        message = {"role": "assistant", "content": answer.text}
        usage = {
            "prompt_tokens": answer.usage.prompt_tokens,
            "completion_tokens": answer.usage.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 1},
        }
        places = [
            {**_token(*next(iter(top.items()))), "top_logprobs": [_token(*each) for each in top.items()]}
            for top in answer.top
        ]
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "stop",
            "logprobs": {"content": places},
            **fault.choice,
        }
        reply = {"id": "chatcmpl-1", "object": "chat.completion", "model": body["model"], "choices": [choice]}
        return {**reply, "usage": usage, **fault.reply}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


async def _send(fault: Fault, reply: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    if fault.hang_up == "at once":
        return False
    if fault.hang_up == "never answer":
        await reader.read()  # until the client gives up
        return False
    if fault.status >= 400:
        reply = json.dumps({"error": {"message": fault.message, "code": fault.code}}).encode()
    content = reply if fault.content is None else fault.content
    headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **fault.headers}
    lines = [f"HTTP/1.1 {fault.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    cut = len(content) // 2 if fault.hang_up == "half way" else len(content)
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + content[:cut])
    await writer.drain()
    return fault.hang_up is None


async def _serve(port: int, latency: float, share: float) -> None:
    faults = (Fault(status=429, headers={"Retry-After": "0"}), Fault(status=500), Fault(hang_up="half way"))
    server = ChatServer(some(share, *faults), latency=latency)
    async with await server.start(port) as listening:
        print(server.url, flush=True)
        await listening.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="a chat-completions server for tests")
    options.add_argument("--port", type=int, default=0, help="0: any free one")
    options.add_argument("--latency", type=float, default=0.0, help="seconds until each answer")
    options.add_argument("--faults", type=float, default=0.0, help="share that fails when first asked")
    given = options.parse_args()
    asyncio.run(_serve(given.port, given.latency, given.faults))
