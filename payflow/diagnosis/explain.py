"""Why a callback was refused: what its gateway says, the envelope around it, the keys it is checked with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..gateway import Callback
from ..gateways.receiving import MAX_BODY
from .alipay import explain_alipay
from .capture import length_of, values
from .explain_words import EXPLAINED
from .findings import Finding, Severity, said
from .keys import misplaced
from .material import SIDES, Material
from .wechat import explain_wechat

_EXPLAIN = {"alipay": explain_alipay, "wechat": explain_wechat}


def explain(material: Material, callback: Callback, now: int, others: Sequence[Material] = ()) -> list[Finding]:
    """Everything that can be told about ``callback`` as it came to the account ``material`` at ``now``.

    ``others`` are the other accounts of the same config: their keys are tried too. Pure; no finding holds a secret, or
    a value of the callback other than ids and serials.
    """
    if material.gateway not in SIDES:
        return [said(EXPLAINED, "NOTHING_TO_EXPLAIN", material.account, kind=material.gateway)]
    envelope = list(_envelope(material.account, callback))
    if not callback.body:
        return [said(EXPLAINED, "BODY_EMPTY", material.account), *envelope]
    known = [other for other in others if other.gateway in SIDES and other.account != material.account]
    found = _EXPLAIN[material.gateway](material, callback, now, known)
    if envelope:  # what is wrong around the body explains more than that no cause was found in it
        found = [one for one in found if one.code != "NO_CAUSE_FOUND"]
    if any(one.severity is Severity.ERROR for one in found):
        envelope += [one for one in misplaced(material) if one.severity is Severity.ERROR]
        if envelope:
            found = [one for one in found if one.code != "NO_CAUSE_FOUND"]
    return [*found, *envelope]


def _envelope(account: str, callback: Callback) -> Iterator[Finding]:
    """What can be told before any gateway looks at it."""
    count, length = len(callback.body), length_of(callback)
    if callback.method != "POST":
        yield said(EXPLAINED, "NOT_POSTED", account, method=callback.method)
    for encoding in values(callback, "content-encoding"):
        if encoding.strip().lower() not in ("", "identity"):
            yield said(EXPLAINED, "BODY_COMPRESSED", account, encoding=encoding)
    if count > MAX_BODY:
        yield said(EXPLAINED, "BODY_TOO_LARGE", account, count=count)
    if length is not None and count and count < length:
        yield said(EXPLAINED, "BODY_CUT", account, count=count, length=length)
    elif length is not None and count > length:
        yield said(EXPLAINED, "BODY_LONGER", account, count=count, length=length)
