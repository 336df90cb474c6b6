"""Credit that a payment buys: given by its paid transition, taken back by its refunds.

What a payment buys is fixed when it is made, in its ``credit``: whose account, how much, and what comes on top. So a
price that changes later, or a pack that is gone, changes nothing of an order that is under way.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ..clock import SECOND
from ..errors import Refused
from ..ledger.book import Book
from ..ledger.buckets import DEBT, Bucket, Parts
from ..ledger.names import journal_id
from ..records import Incident, Payment, Refill, Refund, replace
from ..refill.choosing import Order
from .draft import Draft, Needs, compact
from .postings import Operation, book_of, post
from .rules import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a payment buys: ``amount`` units of paid credit, and ``bonus`` units of promotional credit on top.

    ``expires_seconds`` and ``bonus_expires_seconds`` count from the paid transition; ``None`` is never. ``pack`` names
    what was chosen, ``policy`` and ``window`` the refill it is bought for ("" and 0 if none).
    """

    account: str
    amount: int
    bonus: int = 0
    expires_seconds: int | None = None
    bonus_expires_seconds: int | None = None
    pack: str = ""
    policy: str = ""
    window: int = 0
    policy_version: int = 0

    def text(self) -> str:
        """As kept with the payment."""
        return compact(asdict(self))

    @classmethod
    def of(cls, payment: Payment) -> Purchase:
        """What a payment buys."""
        return cls(**json.loads(payment.credit))

    @property
    def total(self) -> int:
        """Everything it buys."""
        return self.amount + self.bonus


#: When an account whose refill is being paid for is looked at again: what was not paid by then may be ordered anew.
LOOK_AGAIN = 600 * SECOND


def credit(draft: Draft, payment: Payment, cause: Cause) -> None:
    """The payment is paid: its credit is there, in the same transaction and once."""
    bought = Purchase.of(payment)
    book = book_of(draft, bought.account, make=True)
    awaited = bool(bought.policy) and book.account.refill_payment == payment.id
    if awaited:  # the next period is counted from here; a former order that is paid late is the refill of no period
        last = max(draft.now, bought.window, book.account.refilled_at or 0)
        book.set(refill_payment="", refilled_at=last, refill_version=0, next_refill_at=draft.now)
    if not book.has_room(bought.total):  # the money came: that is true, whatever the account can hold
        draft.raise_incident(_undeliverable(draft, payment, payment.id, payment.amount), payment)
        return
    parts: Parts = []
    for name, kind, amount, lasts in (
        (payment.id, "paid", bought.amount, bought.expires_seconds),
        (_bonus(payment), "promo", bought.bonus, bought.bonus_expires_seconds),
    ):
        if amount:
            until = None if lasts is None else draft.now + lasts * SECOND
            parts += book.give(Bucket(name, kind, amount, 0, until))
    before = book.available(draft.now) - bought.total
    operation = Operation(account=book.id, key=payment.id, cause=cause, memo=bought.pack or bought.policy)
    journal = post(draft, "topup", operation, [(book, parts)], payment_id=payment.id)
    if bought.policy:
        draft.changes.refills.append(
            Refill(
                account=book.id, policy=bought.policy, window=bought.window, journal_id=journal.id, amount=bought.total,
                periods=1, before=before, after=before + bought.total, cause_kind="payment", cause_id=payment.id,
                policy_version=bought.policy_version, at=draft.now,
            )
        )  # fmt: skip


def ordered(draft: Draft, payment: Payment) -> None:
    """A refill that costs money has its order: never two at once (``REFILL_IN_FLIGHT``), and the host is told."""
    bought = Purchase.of(payment)
    if not bought.policy:
        return
    book = book_of(draft, bought.account, make=True)
    order = last_order(draft, book)
    if order is not None and not order.unpaid:
        raise Refused(
            "A refill of this account is under way", code="REFILL_IN_FLIGHT", account=book.id,
            payment_id=book.account.refill_payment,
        )  # fmt: skip
    book.set(refill_payment=payment.id, next_refill_at=draft.now + LOOK_AGAIN)
    draft.tell_of_refill(payment, {"account": book.id, "policy": bought.policy, "credit": bought.total})


def last_order(draft: Draft, book: Book) -> Order | None:
    """The order that was made last for a refill of an account, unless it was paid; asks for its payment."""
    name = book.account.refill_payment
    if not name:
        return None
    if name not in draft.facts.payments and name not in draft.wants.payments:
        raise Needs(payments={name})
    payment = draft.facts.payments.get(name)
    if payment is None:
        return None
    bought = Purchase.of(payment)
    return Order(bought.window, payment.status in ("cancelled", "failed"))


def refundable(draft: Draft, payment: Payment, wanted: int | None) -> tuple[int, int]:
    """How much money of a top-up goes back (``wanted``: all that is left), and how much credit that takes back.

    Money and credit go back in proportion; what does not divide falls to the last refund. The policy ``spent_topup``
    says what becomes of a refund whose credit is partly spent: ``refuse`` it (``CREDIT_SPENT``), refund the ``partial``
    rest where no amount was named, or take other credit and then ``debt``.
    """
    bought = Purchase.of(payment)
    book = book_of(draft, bought.account)
    left = payment.captured - payment.refunded - payment.reserved
    gone = payment.captured - left
    amount = left if wanted is None else wanted
    refunds = {journal_id("clawback_undone", book.id, kept.id): kept for kept in draft.refunds_of(payment.id)}
    delivered = journal_id("topup", book.id, payment.id)
    if not {delivered, *refunds} <= draft.wants.journals:
        raise Needs(journals={delivered, *refunds})
    if delivered not in draft.facts.journals:  # its account could not hold it: nothing is to be taken back
        return amount, 0
    taken = sum(kept.credit for undone, kept in refunds.items() if undone not in draft.facts.journals)
    needed = _share(bought, payment, gone + amount) - taken
    policy = draft.rules.policies.get("spent_topup", "refuse")
    unspent = sum(kept.free(draft.now) for kept in book.buckets if kept.id in _own(payment))
    if needed <= unspent or policy == "debt":
        return amount, max(0, needed)  # where a refund between two others failed, they may have taken more already
    most = max(0, min(left, (taken + unspent) * payment.captured // bought.total - gone))
    if policy == "partial" and wanted is None and most:
        return most, max(0, _share(bought, payment, gone + most) - taken)
    raise Refused(
        f"{needed - unspent} of the credit this payment bought is spent or held", code="CREDIT_SPENT",
        payment_id=payment.id, account=book.id, refundable=most, unspent=unspent,
    )  # fmt: skip


def _share(bought: Purchase, payment: Payment, money: int) -> int:
    """How much credit so much of the money has bought, rounded up."""
    return -(-bought.total * money // payment.captured)


def take_back(draft: Draft, payment: Payment, refund: Refund, cause: Cause) -> Refund:
    """A refund is under way: its credit is gone from now on, so that nobody spends what goes back. The refund comes
    back knowing what it took."""
    book = book_of(draft, Purchase.of(payment).account)
    origins = {kept.id: kept for kept in book.buckets}
    parts, lacking = book.take(refund.credit, draft.now, only=_own(payment))
    more, lacking = book.take(lacking, draft.now)
    parts = [*parts, *more]
    if lacking:
        parts = [*parts, *book.owe(lacking, forced=True)]
    operation = Operation(account=book.id, key=refund.id, cause=cause, memo=refund.reason, digest=refund.id)
    post(draft, "clawback", operation, [(book, parts)], payment_id=payment.id)
    taken = [(name, origins[name].kind, -share, origins[name].expires_at) for name, share in parts if name != DEBT]
    return replace(refund, taken=json.dumps(taken))


def give_back(draft: Draft, payment: Payment, refund: Refund, cause: Cause) -> None:
    """The refund failed: the money stayed, and its credit returns as it was. What was owed for it is paid first."""
    bought = Purchase.of(payment)
    book = book_of(draft, bought.account)
    if not book.has_room(refund.credit):  # that it failed is true, whatever the account can hold
        draft.raise_incident(_undeliverable(draft, payment, refund.id, refund.amount), payment)
        return
    taken = [Bucket(name, kind, share, 0, until) for name, kind, share, until in json.loads(refund.taken)]
    owed = refund.credit - sum(kept.remaining for kept in taken)
    parts: Parts = []
    if owed:
        since = payment.paid_at or draft.now
        until = None if bought.expires_seconds is None else since + bought.expires_seconds * SECOND
        parts += book.give(Bucket(payment.id, "paid", owed, 0, until))
    for kept in taken:
        parts += book.give(kept)
    operation = Operation(account=book.id, key=refund.id, cause=cause, memo=refund.reason, digest=refund.id)
    post(draft, "clawback_undone", operation, [(book, parts)], payment_id=payment.id)


def _undeliverable(draft: Draft, payment: Payment, ref: str, amount: int) -> Incident:
    """Credit that its account cannot hold: of a payment that was paid, or of a refund that failed."""
    return Incident(
        id=draft.new_id(draft.now), kind="credit_undeliverable", ref=ref, gateway=payment.gateway,
        account=payment.account, payment_id=payment.id, status="open", policy="hold", amount=amount,
        currency=payment.currency, gateway_txn=payment.gateway_txn, event=payment.credit, trace_id=payment.trace_id,
        created_at=draft.now, updated_at=draft.now,
    )  # fmt: skip


def _bonus(payment: Payment) -> str:
    return f"{payment.id}+"


def _own(payment: Payment) -> frozenset[str]:
    return frozenset((payment.id, _bonus(payment)))
