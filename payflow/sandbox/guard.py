"""Keeps other web sites away from a sandbox on this machine.

A page that a developer has open could send requests to the loopback address, or bring its own name to point there
(DNS rebinding). So whoever asks must call the sandbox by a name of this machine, and whatever changes something must
not come from another site's page.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from .messages import Incoming

_SAFE = frozenset({"GET", "HEAD"})
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- compared with, not listened on


def refused(request: Incoming, told: str) -> str:
    """``SANDBOX_HOST`` or ``SANDBOX_ORIGIN`` if this request is not to be answered; "" if it is.

    ``told`` is the address the sandbox was told to listen on: a name or an IP address.
    """
    host = request.header("Host").lower()
    if not known_host(host, told):
        return "SANDBOX_HOST"
    if request.method in _SAFE:
        return ""
    origin = request.header("Origin").lower()
    if origin and origin not in (f"http://{host}", f"https://{host}"):
        return "SANDBOX_ORIGIN"
    if not origin and request.header("Sec-Fetch-Site") not in ("", "same-origin", "none"):
        return "SANDBOX_ORIGIN"
    return ""


def known_host(host: str, told: str) -> bool:
    """Whether a ``Host`` header names this machine: a loopback name or address, or what the sandbox was told."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not name or parts.netloc != host or "@" in host or port == 0:
        return False
    if name == "localhost" or name.endswith(".localhost") or name == told.lower():
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # Told to listen everywhere, it is called by whatever address this machine has; a rebound page has a name.
    return address.is_loopback or told in _EVERYWHERE
