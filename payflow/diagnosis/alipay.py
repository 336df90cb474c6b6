"""Why a notification of Alipay does not verify: changes that happen in practice are undone until it does. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..errors import CallbackRefused
from ..gateway import Callback
from ..gateways.alipay.reading import Reading, canonical_text
from ..gateways.receiving import MAX_BODY
from ..signing import Verifies
from .capture import values
from .explain_words import EXPLAINED, refusal_in_both
from .findings import Fact, Finding, said
from .forms import Change, Fields, change, findings_of, pluses, readings, repaired, signatures, undone
from .keys import NAMES
from .material import OWN, THEIRS, Held, Material

_MAX_TRIES = 60_000
_GATEWAY = NAMES["alipay"]
_EXPECTED = (
    b"app_id", b"charset", b"notify_id", b"notify_time", b"notify_type", b"out_trade_no", b"seller_id", b"sign",
    b"sign_type", b"total_amount", b"trade_no", b"trade_status", b"version",
)  # fmt: skip
#: The fields left out of the signed text → what it means when the signature is of just that text.
_LEFT_OUT = (
    (frozenset({b"sign", b"sign_type"}), ()),
    (frozenset({b"sign"}), (change("SIGN_TYPE_INCLUDED"),)),
    (frozenset({b"sign", b"sign_type", b"alipay_cert_sn"}), ()),
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key a signature may verify with, and whose it is; ``account`` is empty for our own account."""

    held: Held
    verifier: Verifies
    account: str = ""


class _Receiver(Reading):
    """The receiving half alone, with whatever keys load."""

    def __init__(self, material: Material, verifiers: tuple[Verifies, ...]) -> None:
        self.account, self.app, self.merchant = material.account, material.app, material.merchant
        self._verifiers = verifiers


def keys_of(material: Material, others: Sequence[Material]) -> tuple[list[Key], list[Key]]:
    """Their keys for this account; and every other key it may have been signed with by mistake."""
    theirs = [Key(held, held.verifier) for held in material.side(THEIRS)]
    wrong = [Key(held, held.verifier) for held in material.side(OWN)]
    for other in others:
        if other.gateway == material.gateway:
            wrong += [Key(held, held.verifier, other.account) for held in other.keys]
    return theirs, wrong


def explain_alipay(
    material: Material,
    callback: Callback,
    now: int,  # noqa: ARG001 -- as its sibling; Alipay signs no time that could be stale
    others: Sequence[Material],
) -> list[Finding]:
    """What is wrong with one notification, the failed check first, then the likely mistakes."""
    theirs, wrong = keys_of(material, others)
    account = material.account
    if not theirs:
        return [said(EXPLAINED, "NO_KEYS", account, gateway=_GATEWAY)]
    fields = next(readings(callback.body))[1]
    try:
        _Receiver(material, tuple(key.verifier for key in theirs)).verified(callback)
    except CallbackRefused as refused:
        refusal = refused
    else:
        option = _verifies_with(theirs, fields)
        return [
            said(EXPLAINED, "GENUINE", account, gateway=_GATEWAY, key=option),
            *_binding(material, fields, others),
        ]
    found = [refusal_finding(account, refusal)]
    if len(callback.body) > MAX_BODY:
        return found
    if any(value.lower().startswith("multipart/") for value in values(callback, "content-type")):
        return [*found, said(EXPLAINED, "MULTIPART", account)]
    changes, key, genuine = _searched(callback.body, theirs, wrong)
    found += findings_of(changes, account)
    fields = genuine or fields
    found += _about_fields(account, callback.body, fields, verified=key is not None)
    if key is not None:
        found += whose(material, key)
        if len(found) == 1:  # genuine, and refused for what it says
            found.append(said(EXPLAINED, "OTHERWISE_GENUINE", account, key=key.held.option))
    found += _binding(material, fields, others)
    found += _certificate(material, fields)
    if len(found) == 1:
        found.append(said(EXPLAINED, "NO_CAUSE_FOUND", account, gateway=_GATEWAY))
    return found


def refusal_finding(account: str, refused: CallbackRefused) -> Finding:
    """The check that failed, under its own code."""
    finding = said(EXPLAINED, "REFUSED", account, why=refusal_in_both(refused.message), refusal=refused.code)
    return Finding(refused.code, finding.severity, account, finding.english, finding.chinese)


def whose(material: Material, key: Key) -> Iterator[Finding]:
    """What it means that just this key verifies."""
    gateway = NAMES[material.gateway]
    if key.account:
        yield said(EXPLAINED, "KEY_OF_OTHER_ACCOUNT", material.account, key=key.held.option, other=key.account)
    elif key.held.side == OWN:
        yield said(EXPLAINED, "SIGNED_WITH_OWN_KEY", material.account, key=key.held.option, gateway=gateway)


# -- searching -----------------------------------------------------------------------------------------------------


def _searched(
    body: bytes, theirs: Sequence[Key], wrong: Sequence[Key]
) -> tuple[tuple[Change, ...], Key | None, Fields | None]:
    """The fewest changes after which it verifies, with which key, and its fields then; nothing if there are none."""
    every = [*theirs, *wrong]
    for changes, fields, keys in islice(_candidates(body, theirs, every), _MAX_TRIES):
        for sign_changes, raw in signatures(fields.get(b"sign", b"")):
            for left_out, meaning in _LEFT_OUT:
                signed = canonical_text(fields, left_out)
                for key in keys:
                    if key.verifier.verifies(raw, signed):
                        meant = () if fields.get(b"notify_type") != b"trade_status_sync" else meaning
                        return (*changes, *sign_changes, *meant), key, fields
    return (), None, None


def _candidates(
    body: bytes, theirs: Sequence[Key], every: Sequence[Key]
) -> Iterator[tuple[tuple[Change, ...], Fields, Sequence[Key]]]:
    read = list(readings(body))
    for how, fields in read:
        for all_at_once, whole in undone(fields):
            yield (*how, *all_at_once), whole, every
    for how, fields in read:
        for single, one in islice(repaired(fields), 1, None):
            yield (*how, *single), one, theirs
    for all_at_once, whole in islice(undone(read[0][1]), 1, None):
        for single, one in islice(repaired(whole), 1, None):
            yield (*all_at_once, *single), one, theirs
    for plus, whole in pluses(read[0][1]):
        for single, one in islice(repaired(whole), 1, None):
            yield (*plus, *single), one, theirs


def _verifies_with(theirs: Sequence[Key], fields: Fields) -> str:
    raw = signatures(fields.get(b"sign", b""))
    for left_out, _ in _LEFT_OUT:
        signed = canonical_text(fields, left_out)
        for key in theirs:
            if any(key.verifier.verifies(one, signed) for _, one in raw):
                return key.held.option
    return theirs[0].held.option


# -- what the fields tell ------------------------------------------------------------------------------------------


def _about_fields(account: str, body: bytes, fields: Fields, *, verified: bool) -> Iterator[Finding]:
    """What can be told from the fields themselves. ``verified``: what was done to them is known."""
    sign, sign_type = fields.get(b"sign", b""), fields.get(b"sign_type")
    if sign_type is None and verified:
        yield said(EXPLAINED, "SIGN_TYPE_DROPPED", account)
    elif sign_type not in (None, b"RSA2") and len(sign_type or b"") <= 16:
        yield said(EXPLAINED, "SIGN_TYPE_OLD", account, name=(sign_type or b"").decode("latin-1"))
    if verified:
        return
    if b"=" not in body and not body.startswith(b"{"):
        yield said(EXPLAINED, "NOT_A_FORM", account)
        return
    if not sign.strip() or sign == b"null":
        yield said(EXPLAINED, "SIGN_MISSING", account, gateway=_GATEWAY)
    elif not any(len(raw) >= 256 for _, raw in signatures(sign)):
        yield said(EXPLAINED, "SIGN_UNREADABLE", account, count=len(sign))
    missing = [name.decode("ascii") for name in _EXPECTED if name not in fields and name != b"sign"]
    if missing and fields.get(b"notify_type", b"trade_status_sync") == b"trade_status_sync":
        yield said(EXPLAINED, "FIELDS_MISSING", account, fields=", ".join(missing))
    if any(b"\xef\xbf\xbd" in value for value in fields.values()):
        yield said(EXPLAINED, "CHARACTERS_LOST", account)


def _binding(material: Material, fields: Fields, others: Sequence[Material]) -> Iterator[Finding]:
    """Whether it is about our app and our merchant at all."""
    app = fields.get(b"app_id", b"").decode("ascii", "replace")
    merchant = fields.get(b"seller_id", b"").decode("ascii", "replace")
    if app and app != material.app:
        yield said(EXPLAINED, "NOT_OUR_APP", material.account, theirs=app, ours=material.app,
                   hint=hint_of(others, "app", app))  # fmt: skip
    elif merchant and merchant != material.merchant:
        yield said(EXPLAINED, "NOT_OUR_MERCHANT", material.account, theirs=merchant, ours=material.merchant,
                   hint=hint_of(others, "merchant", merchant))  # fmt: skip


def hint_of(others: Sequence[Material], what: str, value: str) -> Fact:
    """Which account of the same config it belongs to, if one does."""
    for other in others:
        if getattr(other, what) == value:
            return f"; that is account '{other.account}'", f"；那是账户“{other.account}”"
    return ""


def _certificate(material: Material, fields: Fields) -> Iterator[Finding]:
    named = fields.get(b"alipay_cert_sn", b"").decode("ascii", "replace")
    held = [key.name for key in material.side(THEIRS) if key.certificate is not None]
    if named and held and named not in held:
        yield said(EXPLAINED, "STALE_CERTIFICATE", material.account, name=named, names=", ".join(held))
