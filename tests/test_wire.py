"""The transport against servers that say, byte by byte, what real ones say: split, chunked, moved, broken."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as some

from rmboost.backends.endpoint import Endpoint
from rmboost.backends.transport import Reply, TransportError
from rmboost.backends.wire import Wire
from rmboost.errors import EndpointError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Left: 7\r\n\r\nfine"
CLOSE = b""
"""In a script: the connection is closed."""
T = TypeVar("T")


class Scripted:
    """Answers each request with the next entry of a script, piece by piece. scheme: https with a TLS context."""

    def __init__(self, *script: Sequence[bytes], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._script, self._tls = list(script), tls
        self._serving: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        try:
            yield f"http{'s' if self._tls else ''}://localhost:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            await asyncio.gather(*self._serving)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.append(asyncio.create_task(self._connection(reader, writer)))

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(length))
        for piece in self._script.pop(0):
            if piece == CLOSE:
                return False
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # the other side reads
        return True


def talk(
    server: Scripted, work: Callable[[Wire], Awaitable[T]], headers: dict[str, str] | None = None, timeout: float = 5
) -> T:
    async def inside() -> T:
        async with server.serve() as url:
            wire = Wire(url, headers or {}, timeout, connections=4)
            try:
                return await work(wire)
            finally:
                await wire.close()

    return asyncio.run(inside())


async def ask(wire: Wire) -> Reply:
    return await wire.exchange("POST", "/chat/completions", b"{}")


async def ask_twice(wire: Wire) -> tuple[Reply, Reply]:
    return await ask(wire), await ask(wire)


def test_a_request_is_whole_and_plain() -> None:
    server = Scripted([OK])
    reply = talk(server, ask, {"Authorization": "Bearer key"})
    assert (reply.status, reply.headers["x-left"], reply.content) == (200, "7", b"fine")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert (first, body) == ("POST /v1/chat/completions HTTP/1.1", b"{}")
    assert {line.split(":")[0] for line in lines} == {
        *("Host", "Accept", "Accept-Encoding", "Authorization", "Content-Length")
    }
    assert "Accept-Encoding: identity" in lines, "without it, a server may pack its reply (RFC 9110, 12.5.3)"
    assert "Authorization: Bearer key" in lines


def packed(encoding: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


REPLIES: dict[str, tuple[Sequence[bytes], bytes]] = {
    "chunked": ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2;x=1\r\nne\r\n0\r\n\r\n"], b"fine"),
    "until the end": ([b"HTTP/1.1 200 OK\r\n\r\nfi", b"ne", CLOSE], b"fine"),
    "old": ([b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfine", CLOSE], b"fine"),
    "closing": ([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine", CLOSE], b"fine"),
    "announced": ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", OK], b"fine"),
    "empty": ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
    "packed unasked": ([packed("gzip", gzip.compress(b"fine"))], b"fine"),
    "deflated unasked": ([packed("Deflate", zlib.compress(b"fine"))], b"fine"),
    "said to be packed, and empty": ([packed("gzip", b"")], b""),
    "identity": ([packed("identity", b"fine")], b"fine"),
    "bare line ends": ([b"HTTP/1.1 200 OK\nContent-Length: 4\n\nfine"], b"fine"),
}


@pytest.mark.parametrize(("pieces", "content"), REPLIES.values(), ids=REPLIES)
def test_replies_of_every_form_are_read_and_the_next_one_as_well(pieces: Sequence[bytes], content: bytes) -> None:
    server = Scripted(pieces, [OK])
    first, second = talk(server, ask_twice)
    assert (first.content, second.content) == (content, b"fine")
    assert server.connections == 1 + (CLOSE in pieces)


@settings(max_examples=30, deadline=None)
@given(cuts=some.sets(some.integers(1, 200)), chunks=some.lists(some.binary(min_size=1, max_size=60), max_size=5))
def test_a_reply_may_come_in_any_pieces(cuts: set[int], chunks: list[bytes]) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    first, second = talk(Scripted(pieces, [OK]), ask_twice)
    assert (first.content, second.content) == (b"".join(chunks), b"fine")


FAILURES: dict[str, tuple[Sequence[bytes], str, str]] = {
    "closed at once": ([CLOSE], "broken", "closed before the reply"),
    "closed in the head": ([b"HTTP/1.1 200 OK\r\nContent-", CLOSE], "broken", "closed before the reply"),
    "closed in the body": ([OK[:-1], CLOSE], "broken", "closed within the reply"),
    "closed in a chunk": (
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfi", CLOSE],
        "broken",
        "closed within the reply",
    ),
    "no HTTP": ([b"SSH-2.0-OpenSSH_9.2\r\n"], "broken", "no HTTP"),
    "another protocol": (
        [b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"],
        "broken",
        "no HTTP",
    ),
    "packed by half": ([packed("gzip", gzip.compress(b"fine")[:-9])], "broken", "cannot be unpacked"),
    "a stop half way": ([OK[:-1]], "timeout", "no answer in time"),
    "nothing": ([], "timeout", "no answer in time"),
}


@pytest.mark.parametrize(("pieces", "kind", "words"), FAILURES.values(), ids=FAILURES)
def test_every_failure_has_its_kind_and_costs_the_connection(pieces: Sequence[bytes], kind: str, words: str) -> None:
    async def fail_and_ask(wire: Wire) -> Reply:
        with pytest.raises(TransportError, match=words) as caught:
            await ask(wire)
        assert caught.value.kind == kind
        return await ask(wire)

    server = Scripted(pieces, [OK])
    assert talk(server, fail_and_ask, timeout=0.2).content == b"fine"
    assert server.connections == 2


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1000] * 20],
        [b"HTTP/1.1 200 OK\r\n", *[b"X-Name: " + b"x" * 1000 + b"\r\n"] * 20],
        [packed("gzip", gzip.compress(bytes(20_000)))],
    ],
    ids=["a body", "headers", "a packed body"],
)
def test_a_reply_is_not_read_without_end(monkeypatch: pytest.MonkeyPatch, pieces: Sequence[bytes]) -> None:
    monkeypatch.setattr("rmboost.backends.wire.MOST_BYTES", 10_000)
    with pytest.raises(TransportError, match="too large"):
        talk(Scripted(pieces), ask, timeout=0.2)


def test_many_replies_are_not_one_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmboost.backends.wire.MOST_BYTES", len(OK))
    first, second = talk(Scripted([OK], [OK]), ask_twice)
    assert (first.content, second.content) == (b"fine", b"fine")


@pytest.mark.parametrize("greeting", [b"", b"220 mail.example ESMTP\r\n"], ids=["nothing", "a greeting"])
def test_a_server_that_hangs_up_before_it_is_asked_is_not_waited_for(greeting: bytes) -> None:
    class Hasty(Scripted):
        async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002
            writer.write(greeting)
            writer.close()

    async def ask_many(wire: Wire) -> list[Reply | BaseException]:
        return await asyncio.gather(*(ask(wire) for _ in range(20)), return_exceptions=True)

    failures = talk(Hasty(), ask_many)
    assert {getattr(failure, "kind", None) for failure in failures} == {"broken"}


def test_a_reply_without_a_body_is_not_given_to_the_next_request_as_well() -> None:
    async def ask_and_fail(wire: Wire) -> None:
        assert (await ask(wire)).status == 204
        with pytest.raises(TransportError, match="closed before the reply"):
            await ask(wire)

    talk(Scripted([b"HTTP/1.1 204 No Content\r\n\r\n"], [CLOSE]), ask_and_fail)


@pytest.mark.parametrize("line", [b"", b"Connection: close\r\n"], ids=["kept", "closing"])
def test_a_connection_answered_before_all_was_sent_is_closed_at_once(line: bytes) -> None:
    """The server would take the rest of the old request for a new one, or leave it unread for ever."""

    class Early(Scripted):
        async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\n%bContent-Length: 0\r\n\r\n" % line)
            with contextlib.suppress(ConnectionError):
                await answered.wait()
                while await reader.read(1_000_000):
                    sent.append(0)
            writer.close()

    async def ask_at_length(wire: Wire) -> None:
        body = bytes(30_000_000)
        assert (await wire.exchange("POST", "/chat/completions", body)).status == 413
        kept = list(wire._idle)
        answered.set()
        assert not kept

    answered, sent = asyncio.Event(), list[int]()
    talk(Early(), ask_at_length)
    assert len(sent) < 30


def test_closing_ends_what_is_under_way() -> None:
    async def close_meanwhile(wire: Wire) -> None:
        asked = asyncio.create_task(ask(wire))
        while not server.requests:
            await asyncio.sleep(0)
        await wire.close()
        with pytest.raises(TransportError, match="closed"):
            await asyncio.wait_for(asked, 2)

    server = Scripted([b"HTTP/1.1 200 OK\r\n\r\nhalf of"])
    talk(server, close_meanwhile)


def test_a_slow_reply_is_waited_for_as_long_as_something_comes() -> None:
    class Slow(Scripted):
        async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await reader.readuntil(b"\r\n\r\n{}")
            for byte in OK[-10:]:
                writer.write(OK[:-10] if byte == OK[-10] else b"")
                writer.write(bytes([byte]))
                await asyncio.sleep(0.1)
            return True

    assert talk(Slow(), ask, timeout=0.4).content == b"fine"


def test_what_comes_unasked_costs_the_connection() -> None:
    late = b"HTTP/1.1 408 Too Slow\r\nContent-Length: 0\r\n\r\n"

    async def ask_later(wire: Wire) -> tuple[Reply, Reply]:
        first = await ask(wire)
        while server.connections == 1 and wire._idle and wire._idle[0].is_open:
            await asyncio.sleep(0)
        return first, await ask(wire)

    server = Scripted([OK, late], [OK])
    assert [reply.status for reply in talk(server, ask_later)] == [200, 200]
    assert server.connections == 2


MOVES = [
    (301, b"/v2/chat", b"GET /v2/chat HTTP/1.1", b""),
    (303, b"?job=7&part=%2F", b"GET /v1/chat/completions?job=7&part=%2F HTTP/1.1", b""),
    (307, b"http://{host}/v1/chat/completions/", b"POST /v1/chat/completions/ HTTP/1.1", b"{}"),
    (307, "/ü b?x=ü d".encode(), b"POST /%C3%BC%20b?x=%C3%BC%20d HTTP/1.1", b"{}"),
    (307, b"http://{host}?x=1", b"POST /?x=1 HTTP/1.1", b"{}"),
    (308, b"../other#top", b"POST /v1/other HTTP/1.1", b"{}"),
]


@pytest.mark.parametrize(("status", "location", "line", "body"), MOVES)
def test_a_redirection_on_the_same_host_is_followed(status: int, location: bytes, line: bytes, body: bytes) -> None:
    async def ask_there(wire: Wire) -> Reply:
        place = location.replace(b"{host}", f"localhost:{wire._port}".encode())
        server._script.insert(0, [b"HTTP/1.1 %d Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, place)])
        return await ask(wire)

    server = Scripted([OK])
    assert talk(server, ask_there).content == b"fine"
    assert server.requests[1].startswith(line + b"\r\n")
    assert server.requests[1].endswith(b"\r\n\r\n" + body)


def test_a_redirection_in_a_circle_ends() -> None:
    circle = b"HTTP/1.1 307 Moved\r\nLocation: /v1/chat/completions\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(TransportError, match="from one place to the next"):
        talk(Scripted(*[[circle]] * 10), ask)


@pytest.mark.parametrize("location", [b"", b"http://[", b"//other.example/"])
def test_a_redirection_to_nowhere_is_the_reply(location: bytes) -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
    assert talk(Scripted([moved]), ask).status == 307


def test_the_key_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both() -> EndpointError:
        other = Scripted()
        async with other.serve() as elsewhere:
            moved = f"HTTP/1.1 308 Moved\r\nLocation: {elsewhere}/chat/completions\r\nContent-Length: 0\r\n\r\n"
            async with Scripted([moved.encode()]).serve() as url:
                endpoint = Endpoint.find(url, "RMBOOST_TEST_KEY")
                transport = endpoint.connect(5)
                with pytest.raises(EndpointError) as caught:
                    await endpoint.ask(transport, "/chat/completions", b"{}")
                await transport.close()
        assert not other.connections
        assert caught.value.hint == f"it has moved: --base-url {elsewhere}"
        return caught.value

    monkeypatch.setenv("RMBOOST_TEST_KEY", "sk-canary")
    assert "HTTP 308" in asyncio.run(both()).message


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize(("name", "passes"), [("localhost", True), ("other.example", False)])
def test_tls_is_spoken_with_whom_the_certificate_names(
    name: str, passes: bool, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    server = Scripted([OK], [OK], tls=context)
    if passes:
        assert [reply.content for reply in talk(server, ask_twice)] == [b"fine", b"fine"]
        assert server.connections == 1
        return
    with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        talk(server, ask)
    assert caught.value.kind == "unreachable"


def test_a_certificate_that_nobody_signed_who_is_trusted_is_told_from_a_server_that_is_down() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def inside() -> None:
        async with Scripted(tls=context).serve() as url:
            await Endpoint.find(url, "NO_SUCH_KEY").models()

    with pytest.raises(EndpointError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        asyncio.run(inside())
    assert "export SSL_CERT_FILE=FILE.pem" in caught.value.hint


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_where_nobody_is_trusted_it_is_said_before_the_first_request(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    with pytest.raises(EndpointError, match="SSL_CERT_FILE or SSL_CERT_DIR cannot be used") as caught:
        Wire("https://localhost/v1", {}, 1, 1)
    assert "export SSL_CERT_FILE=FILE.pem" in caught.value.hint


def test_any_event_loop_will_do() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def inside() -> Reply:
        async with Scripted([OK]).serve() as url:
            wire = Wire(url, {}, 5, 1)
            try:
                return await ask(wire)
            finally:
                await wire.close()

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(asyncio.wait_for(inside(), 5)).content == b"fine"
    finally:
        loop.close()


def test_a_host_is_named_in_ascii() -> None:
    async def ask_there(wire: Wire) -> Reply:
        named = Wire(f"http://bücher.example:{wire._port}", {}, 5, 1)
        named._host = "localhost"
        try:
            return await ask(named)
        finally:
            await named.close()

    server = Scripted([OK])
    talk(server, ask_there)
    assert b"\r\nHost: xn--bcher-kva.example:" in server.requests[0]


def test_an_address_of_odd_characters_is_sent_as_it_must_be() -> None:
    async def ask_oddly(wire: Wire) -> Reply:
        return await wire.exchange("GET", "/models/a b/ü?x=1")

    server = Scripted([OK])
    talk(server, ask_oddly)
    assert server.requests[0].startswith(b"GET /v1/models/a%20b/%C3%BC%3Fx=1 HTTP/1.1\r\n")
