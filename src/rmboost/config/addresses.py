"""Addresses of endpoints as they stand in settings: one or several, each with its share of the work."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from rmboost.backends.endpoint import refuse_password, valid_address
from rmboost.errors import ConfigError


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def weighted(address: str) -> tuple[str, float]:
    """``URL,weight=2``: the address and its share of the work. Raises ConfigError."""
    refuse_password(address)  # which may hold a comma
    url, _, share = address.partition(",")
    url = valid_address(url)
    try:
        number = float(share.removeprefix("weight=")) if share else 1.0
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise ConfigError(f"base_url {url}: {share!r} is no weight", f"--base-url {url},weight=2")
    return url, number


def _valid(addresses: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for address in addresses or ():
        weighted(address)
    return addresses


Addresses = Annotated[tuple[str, ...] | None, BeforeValidator(_listed), AfterValidator(_valid)]
"""One address or several; ``URL,weight=2`` takes twice the work of the others."""
