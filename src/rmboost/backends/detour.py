"""The way through a proxy, by aiohttp: seldom needed, and not worth writing ourselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp

from rmboost.backends.transport import CONNECT_SECONDS, IDLE_SECONDS, Reply, TransportError

_NOBODY = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


class Detour:
    """A transport through a proxy. The other options are those of Wire."""

    def __init__(self, address: str, proxy: str, headers: Mapping[str, str], timeout: float, connections: int) -> None:
        self._address = address
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(sock_connect=min(timeout, CONNECT_SECONDS), sock_read=timeout),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=proxy,  # not trust_env: aiohttp would also put a password from ~/.netrc over the key
        )

    async def exchange(self, method: str, path: str, body: bytes = b"") -> Reply:
        try:
            async with self._session.request(method, self._address + path, data=body) as reply:
                return Reply(reply.status, reply.headers, await reply.read())
        except _NOBODY as error:
            raise TransportError(str(error), "unreachable") from None
        except asyncio.TimeoutError:
            raise TransportError("no answer in time", "timeout") from None
        except aiohttp.ClientError as error:
            raise TransportError(str(error)) from None

    async def close(self) -> None:
        await self._session.close()
