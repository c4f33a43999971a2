"""HTTP/1.1 over kept connections, and no more of it than a chat endpoint needs: one request, one whole reply.

Replies are parsed by llhttp, by way of httptools. Of two runs one after the other a call took 0.47 ms of CPU with
aiohttp, all else included, and 0.35 with this: that is what keeps a fast endpoint full (benchmarks/README.md).
"""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from aiohappyeyeballs import start_connection
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from rmboost.backends import tls
from rmboost.backends.transport import CONNECT_SECONDS, IDLE_SECONDS, MOST_BYTES, Reply, TransportError
from rmboost.errors import Trouble

_NAME_SECONDS = 10.0
"""So long a looked-up name is good."""
_NEXT_ADDRESS_SECONDS = 0.25
"""After so long the next address of a host is tried as well (RFC 8305)."""
_MOVED = {301, 302, 303, 307, 308}
_TO_GET = {301, 302, 303}
_MOST_MOVES = 10
_SAFE = "/:@!$&'()*+,;=~%"
"""What stands as it is in a path; all else is put as %XX."""


class Wire:
    """A transport without a proxy.

    headers: sent with every request. timeout: seconds without a byte until a request is given up. connections: how many
    are open at most. Redirections are followed on the same host alone: the key is for no other.
    """

    def __init__(self, address: str, headers: Mapping[str, str], timeout: float, connections: int) -> None:
        parts = urlsplit(address)
        self._address, self._timeout = address, timeout
        self._host, self._base = parts.hostname or "", parts.path
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = tls.context() if parts.scheme == "https" else None
        lines = {"Host": _authority(parts), "Accept": "application/json", "Accept-Encoding": "identity", **headers}
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("latin-1")
        self._room = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._naming = asyncio.Lock()
        self._named = float("-inf")
        self._addresses: Sequence[Any] = ()

    async def exchange(self, method: str, path: str, body: bytes = b"") -> Reply:
        target = quote(self._base + path, _SAFE)
        async with self._room:
            for _ in range(_MOST_MOVES):
                reply = await self._send(method, target, body)
                moved = reply.status in _MOVED and self._place(target, reply.headers.get("location", ""))
                if not moved:
                    return reply
                target = moved
                if reply.status in _TO_GET:
                    method, body = "GET", b""
        raise TransportError(f"sent from one place to the next, the last: {target}")

    async def close(self) -> None:
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)  # in which they are closed

    async def _send(self, method: str, target: str, body: bytes) -> Reply:
        head = b"%b %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n" % (
            method.encode(),
            target.encode(),
            self._head,
            len(body),
        )
        connection = self._take() or await self._open()
        self._busy.add(connection)
        try:
            reply = await connection.exchange(head + body)
        finally:
            self._busy.remove(connection)
        if connection.is_open:
            self._idle.append(connection)
        return reply

    def _take(self) -> _Connection | None:
        """The connection that was used last, so that those too many grow old."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and now - connection.heard < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _open(self) -> _Connection:
        try:
            return await asyncio.wait_for(self._connect(), min(self._timeout, CONNECT_SECONDS))
        except asyncio.TimeoutError:
            raise TransportError("no connection in time", "unreachable") from None
        except (OSError, UnicodeError) as error:  # a host's name may be none
            raise TransportError(f"no connection: {error}", "unreachable") from None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        async with self._naming:
            if loop.time() - self._named > _NAME_SECONDS:
                self._addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._named = loop.time()
        plug = await start_connection(self._addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS)
        name = self._host if self._tls else None
        _, connection = await loop.create_connection(
            lambda: _Connection(loop, self._timeout), sock=plug, ssl=self._tls, server_hostname=name
        )
        return connection

    def _place(self, target: str, location: str) -> str:
        """Where a redirection leads on this host; empty when it leads elsewhere, or nowhere."""
        here = urlsplit(urljoin(self._address, target))
        try:
            there = urlsplit(urljoin(here.geturl(), location))
        except ValueError:
            return ""
        if not location or (here.scheme, here.netloc) != (there.scheme, there.netloc):
            return ""
        place = (there.path or "/") + (f"?{there.query}" if there.query else "")
        return quote(place, f"{_SAFE}?", "latin-1")  # as it was read


class _Connection(asyncio.Protocol):
    """One connection: a request goes out, its reply comes in, then the next. heard: when the last byte came or went."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        self._loop, self._timeout = loop, timeout
        self._reply: asyncio.Future[Reply] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._in_body = False
        self._size = 0
        self.heard = loop.time()

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    async def exchange(self, request: bytes) -> Reply:
        """The reply to a request. Raises TransportError, and closes the connection when it is of no more use."""
        if not self.is_open:  # nobody would tell a second time
            raise TransportError("the connection was closed before the request")
        self.heard = self._loop.time()
        self._size = 0
        self._reply = self._loop.create_future()
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._look)
        self._transport.write(request)
        try:
            return await self._reply
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._fail("the connection was closed on this side")

    # What the event loop says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # that of uvloop is none by its class

    def data_received(self, data: bytes) -> None:
        if self._reply is None:
            return self.close()  # nothing was asked
        self.heard = self._loop.time()
        self._size += len(data)
        if self._size > MOST_BYTES:
            return self._fail("the reply is too large")
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(f"the reply is no HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch:
            self._watch.cancel()
        if self._reply and exc is None and self._ends_with_connection():
            self.on_message_complete()
        within = "within" if self._in_body else "before"
        self._fail(f"the connection was closed {within} the reply{f': {exc}' if exc else ''}")

    # What the parser says

    def on_message_begin(self) -> None:
        self._headers, self._body, self._in_body = {}, [], False
        if self._reply is None:
            self.close()  # nothing was asked

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        status = self._parser.get_status_code()
        if status < 200:
            return  # the reply is still to come
        if not self._parser.should_keep_alive() or self._transport.get_write_buffer_size():
            self._transport.abort()  # of what is not sent yet, the server might make another request
        try:
            body = _unpacked(b"".join(self._body), self._headers.get("content-encoding", ""))
        except zlib.error as error:
            self._fail(f"the reply cannot be unpacked: {error}")
            return
        reply, self._reply = self._reply, None
        if reply and not reply.done():
            reply.set_result(Reply(status, self._headers, body))

    def _ends_with_connection(self) -> bool:
        """Whether the end of the connection is that of the reply, as its headers say of no other."""
        chunked = "chunked" in self._headers.get("transfer-encoding", "").lower()
        return self._in_body and not chunked and "content-length" not in self._headers

    def _look(self) -> None:
        """Give up a request that nothing was heard of. One clock for many requests: each of its own would cost more."""
        self._watch = None
        if self._reply is None:
            return
        left = self.heard + self._timeout - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        else:
            self._fail("no answer in time", "timeout")

    def _fail(self, message: str, kind: Trouble = "broken") -> None:
        reply, self._reply = self._reply, None
        if reply and not reply.done():
            reply.set_exception(TransportError(message, kind))
        self._transport.abort()


def _unpacked(body: bytes, encoding: str) -> bytes:
    """What was packed though nobody asked for it, as some gateways do."""
    packed = encoding.strip().lower() in ("gzip", "x-gzip", "deflate")
    if not (packed and body):
        return body
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    found = unpacker.decompress(body, MOST_BYTES)
    if not unpacker.eof:
        raise zlib.error("it is too large" if len(found) == MOST_BYTES else "it is not complete")
    return found


def _authority(parts: SplitResult) -> str:
    """Host and port as a header names them: in ASCII."""
    if parts.netloc.isascii():
        return parts.netloc
    host = (parts.hostname or "").encode("idna").decode()
    return f"{host}:{parts.port}" if parts.port else host
