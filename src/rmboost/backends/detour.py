"""The way through a proxy, by aiohttp: seldom needed, and not worth writing ourselves."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import aiohttp

from rmboost.backends import tls
from rmboost.backends.transport import CONNECT_SECONDS, IDLE_SECONDS, MOST_BYTES, Reply, TransportError

_NOBODY = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


class Detour:
    """A transport through a proxy, ``http://user:password@host`` if it wants them. Other options are Wire's."""

    def __init__(self, address: str, proxy: str, headers: Mapping[str, str], timeout: float, connections: int) -> None:
        self._address = address
        self._proxy, login = _without_password(proxy)
        tunnel = urlsplit(address).scheme == "https"  # its proxy is greeted apart, any other with each request
        self._headers, self._greeting = (headers, login) if tunnel else ({**headers, **login}, {})
        trusted = tls.context() if tunnel or urlsplit(proxy).scheme == "https" else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=IDLE_SECONDS, ssl=trusted),
            timeout=aiohttp.ClientTimeout(sock_connect=min(timeout, CONNECT_SECONDS), sock_read=timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )  # without headers: its own it also sends to the proxy, and so would the key

    async def exchange(self, method: str, path: str, body: bytes = b"") -> Reply:
        try:
            async with self._session.request(
                method,
                self._address + path,
                data=body,
                headers=self._headers,
                proxy=self._proxy,  # not trust_env: aiohttp would also put a password from ~/.netrc over the key
                proxy_headers=self._greeting,
                allow_redirects=False,  # to another host they would take the prompts along
            ) as reply:
                return Reply(reply.status, reply.headers, await _body(reply))
        except _NOBODY as error:
            raise TransportError(str(error), "unreachable") from None
        except asyncio.TimeoutError:
            raise TransportError("no answer in time", "timeout") from None
        except aiohttp.ClientError as error:
            raise TransportError(str(error)) from None

    async def close(self) -> None:
        await self._session.close()


async def _body(reply: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in reply.content.iter_any():
        size += len(part)
        if size > MOST_BYTES:
            raise TransportError("the reply is too large")
        parts.append(part)
    return b"".join(parts)


def _without_password(proxy: str) -> tuple[str, dict[str, str]]:
    """The proxy as aiohttp's messages may quote it, and the header that says who we are to it."""
    parts = urlsplit(proxy)
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if parts.username is None:
        return plain, {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return plain, {"Proxy-Authorization": f"Basic {b64encode(login).decode()}"}
