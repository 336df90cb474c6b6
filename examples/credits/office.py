"""What an operator does: who has what, which tier they are in, and money back for credit that was not spent.

There is no login here: put yours in front of it.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from payflow import Flow, PayflowError, Payment, Wallet

from .buying import bought
from .place import here
from .prices import UNIT
from .purse import purse_of

office = Blueprint("office", __name__, url_prefix="/office")

TIERS = ("ordinary", "heavy")
OPERATOR = "office"
_SHOWN = 25


def desk(error: PayflowError | None = None) -> str:
    """The page."""
    place = here()
    found = [(who, purse_of(place.wallet, who)) for who in place.answers.visitors(_SHOWN)]
    top_ups = [
        {"payment": paid, "bought": bought(paid), "failed": _failed(place.flow, paid), **_left(place.wallet, paid)}
        for paid in place.flow.store.recent_payments(_SHOWN)
        if paid.credit and paid.captured
    ]
    return render_template(
        "office.html", visitors=[(who, purse) for who, purse in found if purse], top_ups=top_ups, tiers=TIERS,
        policies=[json.loads(one.body) for one in place.wallet.policies.all() if one.enabled],
        key=secrets.token_hex(12), error=error, waits=any(one["payment"].reserved for one in top_ups),
    )  # fmt: skip


def _left(wallet: Wallet, paid: Payment) -> dict[str, Any]:
    """Credit of a payment that was not spent, its bonus included, and whether it is worth any money that is left."""
    owner, told = paid.reference.rpartition("/")[0], bought(paid)
    own = {part.id: part.remaining - part.held for part in wallet.balance(owner, UNIT).buckets}
    unspent = own.get(paid.id, 0) + own.get(f"{paid.id}+", 0)
    worth = unspent * paid.captured // (told["amount"] + told["bonus"])
    left = paid.captured - paid.refunded - paid.reserved
    return {"owner": owner, "unspent": unspent, "refundable": min(worth, left) > 0}


def _failed(flow: Flow, paid: Payment) -> int:
    """What the last refund was of, if the gateway refused it; 0 otherwise. Its credit came back by itself."""
    history = flow.store.history(paid.id)
    last = history.refunds[-1] if history is not None and history.refunds else None
    return last.amount if last is not None and last.status == "failed" else 0


@office.get("")
def show() -> str:
    """Visitors and their top-ups."""
    return desk()


@office.post("/tier")
def tier() -> AnyResponse:
    """Another tier: another refill policy from now on, and no second refill for the same day."""
    wanted = request.form.get("tier", "")
    if wanted not in TIERS:
        abort(400)
    here().wallet.change(
        request.form.get("owner", ""), UNIT, tier=wanted, by=OPERATOR, reason="switched on the operator's page"
    )
    return redirect(url_for("office.show"), 303)


@office.post("/refund")
def refund() -> AnyResponse:
    """Money back: all of it, or under the policy ``partial`` what the unspent credit is worth."""
    paid = here().flow.payment(request.form.get("payment", ""))
    here().flow.refund(paid.id, key=f"office-{request.form.get('key', '')}", reason="unspent credit")
    return redirect(url_for("office.show"), 303)
