"""Whether environment, addresses and keys of an account are of one world, and whether callbacks can reach us. Pure,
but for the look into the DNS, which is handed in."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from urllib.parse import urlsplit

from ..clock import SECOND
from ..config.meaning import HOSTS
from .doctor_words import DOCTOR
from .findings import Finding, Severity, healthy, said
from .keys import NAMES
from .material import OWN, THEIRS, Material

#: A name → its addresses; empty where there are none, ``None`` where nobody was asked.
Resolve = Callable[[str], Sequence[str] | None]

_SANDBOX_HOSTS = frozenset({"openapi-sandbox.dl.alipaydev.com", "openapi.alipaydev.com"})
_LIVE_HOSTS = {"alipay": "openapi.alipay.com", "wechat": "api.mch.weixin.qq.com"}
_LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


def host_of(material: Material) -> str:
    """Where requests of this account go."""
    given = material.options.get("base_url")
    if isinstance(given, str):
        return urlsplit(given).hostname or ""
    if material.gateway == "alipay" and material.sandbox:
        return "openapi-sandbox.dl.alipaydev.com"
    return _LIVE_HOSTS[material.gateway]


def is_live(host: str, gateway: str) -> bool:
    """Whether real money moves there."""
    return host in HOSTS[gateway] and host not in _SANDBOX_HOSTS


def place_findings(material: Material, others: Sequence[Material], environment: str) -> list[Finding]:
    """Sandbox and production: one or the other, never half of each."""
    host = host_of(material)
    live, production = is_live(host, material.gateway), environment == "production"
    found: list[Finding] = []
    if production and material.sandbox:
        found.append(said(DOCTOR, "SANDBOX_IN_PRODUCTION", material.account))
    elif production and not live:
        found.append(said(DOCTOR, "SANDBOX_ADDRESS", material.account, host=host))
    if live and material.sandbox and material.sends:
        found.append(said(DOCTOR, "SANDBOX_MEANS_PRODUCTION", material.account, host=host))
    if not production and live and not material.sandbox and material.sends:
        code = "PRODUCTION_HOST_IN_DEVELOPMENT"
        found.append(said(DOCTOR, code, material.account, host=host, environment=environment))
    if not material.sandbox:
        found += _sandbox_keys(material, others)
    if not found:
        found.append(said(DOCTOR, "PLACE_FITS", material.account, environment=environment))
    return found


def _sandbox_keys(material: Material, others: Sequence[Material]) -> Iterator[Finding]:
    for key in material.keys:
        issuer = "" if key.certificate is None else key.certificate.issuer.rfc4514_string()
        if "sandbox" in issuer.lower():
            why = (f"it was issued by {issuer}", f"签发者为 {issuer}")
            yield said(DOCTOR, "SANDBOX_KEYS", material.account, option=key.option, why=why)
            continue
        for other in others:
            if other.sandbox and any(key.is_same(one) for one in (*other.side(OWN), *other.side(THEIRS))):
                why = (f"sandbox account '{other.account}' has the same", f"与沙箱账户“{other.account}”相同")
                yield said(DOCTOR, "SANDBOX_KEYS", material.account, option=key.option, why=why)
                break


# -- the callback address ------------------------------------------------------------------------------------------


def callback_findings(
    material: Material, url: str | None, path: str, environment: str, resolve: Resolve
) -> list[Finding]:
    """Whether the gateway of ``material`` can reach us at ``url``, which has to end in ``path``."""
    account, gateway = material.account, NAMES[material.gateway]
    if url is None:
        # Alipay's payments are found paid by asking; WeChat Pay takes no order without an address.
        severity = Severity.ERROR if material.gateway == "wechat" and material.sends else Severity.WARNING
        return [said(DOCTOR, "CALLBACK_MISSING", account, severity, gateway=gateway)]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.scheme not in ("http", "https"):
        return [said(DOCTOR, "CALLBACK_MALFORMED", account, url=url)]
    found: list[Finding] = []
    bad = Severity.ERROR if environment == "production" else Severity.WARNING
    nearby = material.sandbox and is_near(host)  # a sandbox on this machine calls back to this machine
    if parts.scheme == "http" and not nearby:
        found.append(said(DOCTOR, "CALLBACK_HTTP", account, bad, url=url))
    if "?" in url or "#" in url:
        found.append(said(DOCTOR, "CALLBACK_QUERY", account, url=url))
    elif not parts.path.endswith(path):
        found.append(said(DOCTOR, "CALLBACK_PATH", account, url=url, path=path))
    elif parts.path.count(path) > 1:
        found.append(said(DOCTOR, "CALLBACK_PATH_TWICE", account, url=url, path=path))
    if not nearby:
        found += _reached(material, host, url, bad, resolve)
    if healthy(found) and not found:
        found.append(said(DOCTOR, "CALLBACK_RIGHT", account, url=url))
    return found


def _reached(material: Material, host: str, url: str, bad: Severity, resolve: Resolve) -> Iterator[Finding]:
    account, gateway = material.account, NAMES[material.gateway]
    if is_near(host):
        yield said(DOCTOR, "CALLBACK_PRIVATE", account, bad, address=host, gateway=gateway)
        return
    if _address(host) is not None:
        yield said(DOCTOR, "CALLBACK_NUMERIC", account, url=url)
        return
    addresses = resolve(host)
    if addresses is None:
        return
    if not addresses:
        yield said(DOCTOR, "CALLBACK_UNRESOLVED", account, bad, host=host)
    elif all(is_near(one) for one in addresses):
        shown = f"{host} = {addresses[0]}"
        yield said(DOCTOR, "CALLBACK_PRIVATE", account, bad, address=shown, gateway=gateway)


def is_near(host: str) -> bool:
    """Whether a host is of this machine or of a private network, so that no gateway gets there."""
    address = _address(host)
    if address is not None:
        return not address.is_global
    return "." not in host or host.lower().endswith(_LOCAL_NAMES)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


# -- this machine --------------------------------------------------------------------------------------------------


def zone_finding(now: int) -> Finding:
    """The zone of this machine, which need not be Beijing's."""
    local = datetime.fromtimestamp(now // SECOND, timezone.utc).astimezone()
    return said(DOCTOR, "HOST_ZONE", "", zone=local.tzname() or time.tzname[0], offset=local.strftime("%z"))
