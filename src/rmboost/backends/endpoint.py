"""The other side of the OpenAI protocol: where it is, which models it serves, and its errors as ours.

Everything foreign (HTTP, the library that speaks it, how servers word an error) is translated here and nowhere else.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from shlex import quote
from textwrap import shorten
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.parse import quote as percent
from urllib.request import getproxies, proxy_bypass

from rmboost import __version__
from rmboost.backends import quota, refusals
from rmboost.backends.transport import Transport, TransportError
from rmboost.errors import BackendError, ConfigError, EndpointError, TransientError, Trouble
from rmboost.records import Quota

OPENAI = "https://api.openai.com/v1"
_AZURE = ".azure.com"
_DISTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_NO_KEY = "no-key"  # sent where there is none: servers without keys ignore it
_PROXIES = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY"
_RETRIED = {402, 408, 409, 424, 425, 429, 498}
_WITHOUT_KEY = "or --base-url URL for a server of yours; an embedded model is --model local:NAME (rmboost model list)"
_PATHS = ("/chat/completions", "/completions", "/models")
_LONG = 8  # characters of a header that may be a key; the name of a team may be shorter
_NOTHING = b"{}"
"""A request without a question: it tells whether the key is accepted, and no server can charge for it."""


@dataclass(frozen=True)
class Endpoint:
    """An address and its key, which no message of ours repeats."""

    address: str
    key_env: str
    key: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def find(cls, base_url: str | None, key_env: str, headers_env: Iterable[tuple[str, str]] = ()) -> Endpoint:
        """The address given, else OPENAI_BASE_URL, else OpenAI itself; the key from the variable ``key_env``.

        headers_env: further headers of each request, each with the variable that holds it. Raises ConfigError for what
        is no address, EndpointError for a header without its variable, or when OpenAI is to be asked without a key.
        """
        address = valid_address(base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI)
        key = _sendable(key_env)
        if not key and urlsplit(address).hostname == "api.openai.com":
            raise EndpointError(
                f"{address} wants a key, and {key_env} is not set", f"export {key_env}=…; {_WITHOUT_KEY}"
            )
        headers = tuple((header, _of_header(header, variable)) for header, variable in headers_env)
        return cls(address, key_env, key or _NO_KEY, headers)

    @property
    def is_proxied(self) -> bool:
        """Whether a proxy that is set is for this address: for a server on this machine it is not."""
        host = urlsplit(self.address).hostname or ""
        return not (host in ("localhost", "::1") or host.startswith("127."))

    @property
    def proxy(self) -> str | None:
        """The proxy that the environment names for this address. Raises EndpointError when it cannot be used."""
        parts = urlsplit(self.address)
        set_here = getproxies()
        proxy = set_here.get(parts.scheme) or set_here.get("all")
        if not (proxy and self.is_proxied) or proxy_bypass(parts.netloc):
            return None
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        there = _split(proxy)
        if there.scheme not in ("http", "https"):
            problem = f"the proxy that is set cannot be used: {there.scheme} is none of http, https"
            raise EndpointError(problem, f"{_PROXIES} say which")
        if not _is_address(proxy) or "@" in there._replace(netloc="").geturl():
            problem = "the proxy that is set cannot be used: it is no address"
            raise EndpointError(
                problem, f"{_PROXIES} say which; in a password, / is written %2F, # %23, ? %3F and [ %5B"
            )
        return proxy

    def connect(self, timeout: float, connections: int = 1) -> Transport:
        """Connections for the running event loop, kept open between requests.

        timeout: seconds without a byte until a request is given up. connections: how many are open at most.
        Raises EndpointError when the proxy that is set cannot be used.
        """
        if proxy := self.proxy:
            from rmboost.backends.detour import Detour

            return Detour(self.address, proxy, self._headers(), timeout, connections)
        from rmboost.backends.wire import Wire

        return Wire(self.address, self._headers(), timeout, connections)

    def _headers(self) -> dict[str, str]:
        names = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
        account = {name: _sendable(variable) for name, variable in names.items() if os.environ.get(variable)}
        said = {"User-Agent": f"rmboost/{__version__}", "Content-Type": "application/json"}
        given = {name.lower() for name, _ in self.headers}
        ours = {"Authorization": f"Bearer {self.key}", **said, **account}
        return {name: value for name, value in ours.items() if name.lower() not in given} | dict(self.headers)

    async def ask(self, transport: Transport, path: str, body: bytes) -> tuple[bytes, Quota | None]:
        """The server's answer, and what it says is left of its limits; any other end is raised as one of our errors."""
        try:
            reply = await transport.exchange("POST", path, body)
        except TransportError as error:
            raise TransientError(self._failure(error), kind=error.kind) from None
        if reply.status >= 300:
            raise self.refusal(reply.status, reply.content, reply.headers)
        return reply.content, quota.read(reply.headers)

    async def models(self) -> list[str]:
        """The names of the models served here, asked for free; empty when the server does not say within 5 s.

        Raises EndpointError only when no request can be answered: nobody there, or the key refused. A busy
        server, or one without such a list, may well answer.
        """
        transport = self.connect(timeout=5)
        try:
            reply = await transport.exchange("GET", "/models")
            if reply.status in (401, 403):  # a key may be allowed to complete but not to list, or not in this way
                reply = await transport.exchange("POST", "/chat/completions", _NOTHING)
        except TransportError as error:
            if error.kind != "unreachable":
                return []
            message = f"cannot reach {self._failure(error)}"
            raise EndpointError(message, self._why_unreached(error), unreachable=True) from None
        finally:
            await transport.close()
        if reply.status in (401, 403):
            refused = self.refusal(reply.status, reply.content, reply.headers)
            raise EndpointError(refused.message, refused.hint or self._another_key())  # there was no prompt to refuse
        return self._listed(refusals.json_of(reply.content)) if reply.status < 300 else []

    def _listed(self, found: Any) -> list[str]:
        listed = found.get("data") if isinstance(found, dict) else found
        if not isinstance(listed, list) or _AZURE in self.address:
            return []  # Azure lists what could be deployed, and answers to the names of deployments
        return [str(entry["id"]) for entry in listed if isinstance(entry, dict) and "id" in entry]

    def _failure(self, error: TransportError) -> str:
        return f"{self.address}: {self._quote(str(error))}"

    def refusal(self, status: int, body: bytes, headers: Mapping[str, str]) -> BackendError:
        """An HTTP error status, and what the server said with it."""
        said, details = refusals.read(body)
        message = f"{self.address}: HTTP {status}: {self._quote(said)}".rstrip(": ")
        if status < 400:
            place = self._quote(_server_of(headers.get("location", "")))
            return EndpointError(message, place and f"it has moved: --base-url {quote(place)}")
        wait = refusals.wait(headers, details)
        if refusals.no_credit(status, said, details, wait):
            return EndpointError(message, f"the account of the key in {self.key_env} has no credit left")
        if status == 403 and refusals.of_the_prompt(said, details):
            return BackendError(message, said=said)  # this prompt, not this key
        if status in (401, 403):
            return EndpointError(message, self._another_key())
        if status in (404, 405):
            return EndpointError(message, self.where_to_look(said))
        if status in _RETRIED or status >= 500:
            loads = status == 503 and "loading" in said.lower()  # a model, which may take minutes
            kind: Trouble = (
                "refused" if loads or status in (402, 429) else "overloaded" if status in (498, 503, 529) else "broken"
            )
            return TransientError(message, retry_after=wait, kind=kind, quota=quota.read(headers))
        return BackendError(message, said=said)

    def unreadable(self, body: bytes, problem: str) -> BackendError:
        """A reply with status 200 that is no completion; gateways send late errors that way."""
        said, details = refusals.read(body)
        code = str(details.get("code"))
        if re.fullmatch("[45][0-9][0-9]", code):
            return self.refusal(int(code), body, {})
        message = f"{self.address}: not a chat completion ({problem}): {self._quote(said)}"
        return TransientError(message.rstrip(": "), kind="unreadable")

    def _another_key(self) -> str:
        if self.key == _NO_KEY:
            return f"{self.key_env} is not set: export {self.key_env}=…"
        return f"what {self.key_env} holds is no key that {self.address} takes for this"

    def _why_unreached(self, error: TransportError) -> str:
        if _DISTRUSTED in str(error):
            return "if you trust who has signed its certificate: export SSL_CERT_FILE=FILE.pem, with theirs"
        proxied = f", and do {_PROXIES} let it through" if self.is_proxied else ""
        parts = urlsplit(self.address)
        # an address with a port is a server of one's own, and those seldom have certificates
        plain = f" Without a certificate it is http{self.address[5:]}" if parts.scheme == "https" and parts.port else ""
        return f"is it running{proxied}?{plain}"

    def where_to_look(self, said: str = "") -> str:
        """What is most likely wrong with an address where something is missing, as the server says."""
        if _AZURE in self.address and self.address.endswith("/v1"):
            return "--model NAME is the name of a deployment of yours"
        if not (self.address.endswith("/v1") or "model" in said.lower()):
            return f"the address often ends in /v1: {self.address}/v1"
        return f"see which models there are: curl {self.address}/models"

    def _quote(self, text: str) -> str:
        """A server's words, fit for one line of a terminal; some servers repeat the key."""
        for secret in (self.key, *(value for _, value in self.headers if len(value) >= _LONG)):
            for spelled in _spellings(secret):
                text = text.replace(spelled, "***")
        return shorten("".join(char if char.isprintable() else " " for char in text), 200, placeholder=" …")


def _spellings(secret: str) -> Iterable[str]:
    """A key as it is, and as gateways repeat it: as part of an address, and as what stands in a header of theirs."""
    yield from (secret, percent(secret, safe=""), percent(secret))
    for whole in (secret, f"Bearer {secret}"):
        yield b64encode(whole.encode()).decode().rstrip("=")


def _server_of(location: str) -> str:
    """The address of the server that a redirection of a call leads to; none where it leads nowhere."""
    url = location.partition("#")[0].partition("?")[0].rstrip("/")
    path = next((path for path in _PATHS if url.endswith(path)), "")
    return url.removesuffix(path) if _is_address(url) else ""


def _sendable(variable: str) -> str:
    """What a variable holds, for a header. Raises EndpointError for what does not fit into one."""
    value = os.environ.get(variable, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise EndpointError(f"{variable} holds characters that cannot be sent in a header", f"export {variable}=…")
    return value


def _of_header(header: str, variable: str) -> str:
    """Raises EndpointError where the variable of a header is not set."""
    if value := _sendable(variable):
        return value
    raise EndpointError(f"{variable}, which the header {header} is sent with, is not set", f"export {variable}=…")


def valid_address(url: str) -> str:
    """The address without a slash at its end. Raises ConfigError when it is none, names a call, or holds what may be
    a password or a key, which is not repeated.
    """
    refuse_password(url)
    if _AZURE in url and "/deployments/" in url:
        hint = f"write https://{_split(url).hostname}/openai/v1, and --model NAME for the deployment"
        raise ConfigError("base_url names a deployment of Azure's, and needs none", hint)
    if "?" in url or "#" in url:
        hint = "leave off all from there; a key belongs into a variable, named in api_key_env"
        raise ConfigError("base_url has a ? or a #, and what follows would not be sent", hint)
    if not _is_address(url):
        raise ConfigError(f"base_url {url!r} is not an address", "write it like http://localhost:8000/v1")
    url = url.rstrip("/")
    for path in _PATHS:
        if url.endswith(path):
            raise ConfigError(f"base_url {url!r} names a call, not the server", f"write {url.removesuffix(path)}")
    return url


def refuse_password(url: str) -> None:
    """Raises ConfigError for an address with a password, or for what is none and may hold one."""
    if "@" in (urlsplit(url).netloc if _is_address(url) else url):
        raise ConfigError("base_url holds a password", "put it into a variable, and name that in api_key_env")


def _split(url: str) -> SplitResult:
    """The parts of an address; none of what is no address at all."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("http:")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.hostname.encode("idna") and parts.port != 0
    except ValueError:  # of brackets, of the port, of a name that is none
        return False
    return bool(named) and parts.scheme in ("http", "https")
