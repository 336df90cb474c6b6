"""Why a notification of WeChat Pay does not verify or does not open. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ..clock import SECOND
from ..errors import CallbackRefused
from ..gateway import Callback
from ..gateways.receiving import MAX_BODY
from ..gateways.wechat import TOLERANCE_SECONDS, signed_text
from ..gateways.wechat.keys import HEADERS, INTERNATIONAL, Suite, is_serial
from ..gateways.wechat.reading import Reading, unsealed
from ..signing import certificate_validity
from .alipay import Key, hint_of, keys_of, refusal_finding, whose
from .bodies import undone_bodies
from .explain_words import EXPLAINED
from .findings import Finding, said
from .forms import Change, findings_of, signatures
from .keys import NAMES, plain_serial
from .material import OWN, THEIRS, Material, platform_keys

_MAX_TRIES = 15_000
_MAX_TRIES_SM2 = 50  # its library writes a line to the error stream for every one that is refused
_GATEWAY = NAMES["wechat"]
_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP = (
    "wechatpay-signature", "wechatpay-serial", "wechatpay-nonce", "wechatpay-timestamp",
)  # fmt: skip
_PROBE = "WECHATPAY/SIGNTEST/"
_ASSOCIATED = ("transaction", "refund", "")


def explain_wechat(material: Material, callback: Callback, now: int, others: Sequence[Material]) -> list[Finding]:
    """What is wrong with one notification, the failed check first, then the likely mistakes."""
    account, body = material.account, callback.body
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return [said(EXPLAINED, "V2_XML", account)]
    theirs, wrong = keys_of(material, others)
    try:
        inner = _read(material, callback, now)
    except CallbackRefused as refused:
        refusal = refused
    else:
        named = _of(callback).get(_SERIAL, "")
        return [said(EXPLAINED, "GENUINE", account, gateway=_GATEWAY, key=named), *_binding(material, inner, others)]
    found = [refusal_finding(account, refusal)]
    if not theirs:
        found.append(said(EXPLAINED, "NO_KEYS", account, gateway=_GATEWAY))
    headers = _of(callback)
    found += _headers(account, headers)
    if len(body) > MAX_BODY or not body or _SIGNATURE not in headers:
        return found
    if headers[_SIGNATURE].startswith(_PROBE):
        return [*found, said(EXPLAINED, "PROBE", account)]
    found += _time(material, headers, now)
    changes, key, genuine = _searched(material.suite, headers, body, theirs, wrong)
    found += findings_of(changes, account)
    found += _key(material, headers, key, now)
    found += _sealed(material, others, genuine, verified=key is not None)
    if key is not None and not changes and len(found) == 2 and found[1].code.startswith("TIMESTAMP"):
        found.append(said(EXPLAINED, "OTHERWISE_GENUINE", account, key=key.held.option))
    if key is None and b"{" not in body:
        found.append(said(EXPLAINED, "NOT_JSON", account))
    elif key is None and body.startswith(b"{") and not body.rstrip().endswith(b"}"):
        found.append(said(EXPLAINED, "BODY_ENDS_EARLY", account, count=len(body)))
    if len(found) == 1 or (len(found) == 2 and found[1].code == "BODY_STILL_OPENS"):
        found.append(said(EXPLAINED, "NO_CAUSE_FOUND", account, gateway=_GATEWAY))
    return found


def _of(callback: Callback) -> dict[str, str]:
    """The headers that matter, by their small-letter names; of several the first."""
    found: dict[str, str] = {}
    for name, value in callback.headers:
        if name.lower() in HEADERS:
            found.setdefault(name.lower(), value)
    return found


def _tolerance(material: Material) -> int:
    return int(material.options.get("callback_tolerance_seconds") or TOLERANCE_SECONDS)


def _read(material: Material, callback: Callback, now: int) -> Mapping[str, Any]:
    """What payflow itself makes of it. Raises ``CallbackRefused``."""
    reading = Reading(
        material.account, appid=material.app, mchid=material.merchant, keys=platform_keys(material),
        api_v3_key=material.secret("api_v3_key") or b"", tolerance=_tolerance(material), path="$",
    )  # fmt: skip
    return reading.verified(callback, now)[2]


# -- headers -------------------------------------------------------------------------------------------------------


def _headers(account: str, headers: Mapping[str, str]) -> Iterator[Finding]:
    missing = [name for name in (_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP) if name not in headers]
    if len(missing) == 4:
        yield said(EXPLAINED, "HEADERS_DROPPED", account)
    elif missing:
        shown = ", ".join("-".join(part.capitalize() for part in name.split("-")) for name in missing)
        yield said(EXPLAINED, "HEADER_MISSING", account, names=shown)


def _time(material: Material, headers: Mapping[str, str], now: int) -> Iterator[Finding]:
    text = headers.get(_TIMESTAMP)
    if text is None:
        return
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        yield said(EXPLAINED, "TIMESTAMP_MALFORMED", material.account, count=len(text))
        return
    apart, tolerance = now // SECOND - int(text), _tolerance(material)
    if abs(apart) > tolerance:
        way = ("behind", "慢") if apart > 0 else ("ahead of", "快")
        yield said(EXPLAINED, "TIMESTAMP_SKEW_SECONDS", material.account, seconds=abs(apart), way=way,
                   tolerance=tolerance)  # fmt: skip


# -- the signature -------------------------------------------------------------------------------------------------


def _searched(
    suite: Suite, headers: Mapping[str, str], body: bytes, theirs: Sequence[Key], wrong: Sequence[Key]
) -> tuple[tuple[Change, ...], Key | None, bytes]:
    """The fewest changes after which it verifies, with which key, and the body as it was sent."""
    timestamp, nonce = headers.get(_TIMESTAMP, ""), headers.get(_NONCE, "")
    serial = headers.get(_SERIAL, "")
    named = [key for key in theirs if _is_named(key, serial)]
    ordered = [*named, *(key for key in theirs if key not in named), *wrong]
    every = signatures(headers.get(_SIGNATURE, "").encode("latin-1", "replace"))
    spellings = [(changes, raw) for changes, raw in every if len(raw) >= suite.shortest_signature]
    if not (spellings and timestamp and nonce and timestamp.isascii() and nonce.isascii()):
        return (), None, body
    tries = _MAX_TRIES if suite is INTERNATIONAL else _MAX_TRIES_SM2
    for count, (changes, one) in enumerate(islice(undone_bodies(body), tries)):
        signed = signed_text(timestamp, nonce, one)
        for sign_changes, raw in spellings:
            for key in ordered if count < 2_000 else ordered[:1]:
                if key.verifier.verifies(raw, signed):
                    return (*changes, *sign_changes), key, one
    return (), None, body


def _is_named(key: Key, serial: str) -> bool:
    return key.held.name == serial or (is_serial(serial) and plain_serial(key.held.name) == plain_serial(serial))


def _key(material: Material, headers: Mapping[str, str], key: Key | None, now: int) -> Iterator[Finding]:
    """Whose key it was, and whether the callback names the same."""
    account, serial = material.account, headers.get(_SERIAL, "")
    if key is not None:
        if key.account or key.held.side == OWN:
            yield from whose(material, key)
        elif serial and not _is_named(key, serial):
            yield said(EXPLAINED, "KEY_NAME_WRONG", account, name=serial, key=key.held.option, ours=key.held.name)
        if key.held.certificate is not None and key.held.side == THEIRS and not key.account:
            first, last = certificate_validity(key.held.certificate)
            if not first <= now <= last:
                yield said(EXPLAINED, "KEY_EXPIRED_HERE", account, name=key.held.name)
        return
    sign = headers[_SIGNATURE].encode("latin-1", "replace")
    if not any(len(raw) >= material.suite.shortest_signature for _, raw in signatures(sign)):
        yield said(EXPLAINED, "SIGN_UNREADABLE", account, count=len(sign))
    theirs = material.side(THEIRS)
    names = ", ".join(f"{one.option} {one.name}".strip() for one in theirs) or "–"
    if not serial or any(_is_named(Key(one, one.verifier), serial) for one in theirs):
        return
    own = {plain_serial(one.name) for one in material.side(OWN) if one.name}
    own.add(plain_serial(str(material.options.get("certificate_serial") or "")))
    if is_serial(serial) and plain_serial(serial) in own:
        yield said(EXPLAINED, "SERIAL_IS_OURS", account, name=serial)
    elif serial.startswith("PUB_KEY_ID"):
        yield said(EXPLAINED, "PUBLIC_KEY_UNKNOWN", account, name=serial, names=names)
    else:
        yield said(EXPLAINED, "STALE_CERTIFICATE", account, name=serial, names=names)


# -- what is sealed ------------------------------------------------------------------------------------------------


def _sealed(material: Material, others: Sequence[Material], body: bytes, *, verified: bool) -> Iterator[Finding]:
    """Whether the resource opens. ``verified``: ``body`` is known to be what was sent."""
    resource = _resource(body)
    if resource is None or material.seal is None:
        return
    inner = _opened(material, resource)
    if inner is not None:
        if not verified:
            yield said(EXPLAINED, "BODY_STILL_OPENS", material.account)
        yield from _binding(material, inner, others)
        return
    for associated in _ASSOCIATED:
        if _opened(material, {**resource, "associated_data": associated}) is not None:
            yield said(EXPLAINED, "SEALED_TEXT_CHANGED", material.account, name=associated)
            return
    other = next((one for one in others if _opened(one, resource) is not None), None)
    if verified or other is not None:
        hint = ("", "") if other is None else (
            f", but that of account '{other.account}'", f"，而是账户“{other.account}”的密钥",
        )  # fmt: skip
        yield said(EXPLAINED, "API_V3_KEY_WRONG", material.account, hint=hint)


def _resource(body: bytes) -> Mapping[str, Any] | None:
    try:
        outer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    resource = outer.get("resource") if isinstance(outer, dict) else None
    return resource if isinstance(resource, dict) else None


def _opened(material: Material, resource: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if material.seal is None:
        return None
    try:
        inner = json.loads(unsealed(material.seal, resource, material.suite.sealed_with))
    except (CallbackRefused, ValueError, RecursionError):
        return None
    return inner if isinstance(inner, dict) else {}


def _binding(material: Material, inner: Mapping[str, Any], others: Sequence[Material]) -> Iterator[Finding]:
    """Whether it is about our merchant and our app at all."""
    merchant, app = str(inner.get("mchid") or material.merchant), str(inner.get("appid") or material.app)
    if merchant != material.merchant:
        yield said(EXPLAINED, "NOT_OUR_MERCHANT", material.account, theirs=merchant, ours=material.merchant,
                   hint=hint_of(others, "merchant", merchant))  # fmt: skip
    elif app != material.app:
        yield said(EXPLAINED, "NOT_OUR_APP", material.account, theirs=app, ours=material.app,
                   hint=hint_of(others, "app", app))  # fmt: skip
