"""Whom an encrypted connection trusts."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

from rmboost.errors import EndpointError


def context() -> ssl.SSLContext:
    """Trusts the authorities of the system, or those of SSL_CERT_FILE or SSL_CERT_DIR. Raises EndpointError.

    OpenSSL alone finds none with the Python of python.org on macOS, and not those that a company has added to macOS or
    Windows. httpx2 knows where to look, and takes 0.1 s to import.
    """
    found = ssl.create_default_context()
    if not (sys.platform == "linux" and _trusts_anybody(found)):
        found = _by_httpx2()
    found.set_alpn_protocols(["http/1.1"])
    return found


def _trusts_anybody(found: ssl.SSLContext) -> bool:
    folder = ssl.get_default_verify_paths().capath
    return bool(found.cert_store_stats()["x509"] or (folder and any(Path(folder).iterdir())))


def _by_httpx2() -> ssl.SSLContext:
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        named = " or ".join(name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name))
        problem = f"{named or 'certificates'} cannot be used: {error.strerror or error}"
        raise EndpointError(problem, "export SSL_CERT_FILE=FILE.pem, with the certificates to trust") from None
