"""Refills, decided and booked: the credit, its log and the account's next period in one set."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import NotFound
from ..ledger.book import MAX_BALANCE, Book
from ..ledger.buckets import Parts, of_kind
from ..records import Refill
from ..refill.choosing import Credit, Decision, amount_of, choose, decide, enrolled
from ..refill.policy import RefillPolicy, stored
from .draft import Draft, Needs
from .postings import Operation, book_of, digest, post, today
from .rules import Cause
from .topup import LOOK_AGAIN, last_order


def policy_for(draft: Draft, book: Book) -> RefillPolicy | None:
    """The policy that this account is under now; asks for the unit's policies if they were not gathered."""
    unit = book.account.unit
    if unit not in draft.wants.policies:
        raise Needs(policies={unit})
    return choose((stored(kept) for kept in draft.facts.policies.values()), unit, book.account.tier)


@dataclass(frozen=True, slots=True)
class Demanded:
    """What came of asking: units ``granted``, and when and how much comes next; ``order``: it has to be bought;
    ``payment_id``: its order is under way."""

    granted: int = 0
    next_at: int | None = None
    next_amount: int = 0
    order: bool = False
    payment_id: str = ""


NOTHING = Demanded()


def demanded(draft: Draft, book: Book, needed: int) -> Demanded:
    """A spend found less than it ``needed``: what a policy grants for it, or says of the next time.

    A refill that would not be enough is not granted for a spend that is refused all the same: it stays due.

    However many spends ask at once, one is granted: the account's version and the policy's have to be what this
    decision read, and the window names the journal.
    """
    policy = policy_for(draft, book)
    if policy is None:
        return NOTHING
    decision = _decision(draft, book, policy, on_demand=True)
    if policy.on_demand and decision.what == "grant" and _after(draft, book, policy, decision) >= needed:
        cause = Cause("demand", draft.trace_id or book.id)
        return Demanded(grant(draft, book, policy, decision, cause), decision.next_at, decision.amount)
    amount = amount_of(policy, book.account, _credit(draft, book), today(draft.now, draft.rules.credit.zone)[0])
    if not amount or decision.why == "no_room":
        return NOTHING  # it would not help, whenever it comes
    waits = decision.window if decision.what == "grant" else decision.next_at
    under_way = book.account.refill_payment if decision.why == "in_flight" else ""
    return Demanded(0, waits, amount, policy.on_demand and decision.what == "order", under_way)


def foreseen(draft: Draft, account: str) -> tuple[RefillPolicy, int, int] | None:
    """The policy of an account, when its next refill is due and how much that would be by now. Changes nothing."""
    known = draft.facts.accounts.get(account)
    if known is None:
        raise NotFound("There is no such account", code="ACCOUNT_NOT_FOUND", account=account)
    book = Book(known)
    book.lapse(draft.now)
    policy = policy_for(draft, book)
    if policy is None:
        return None
    decision = _decision(draft, book, policy, on_demand=True)
    at = decision.window if decision.what == "grant" else decision.next_at
    amount = decision.amount or amount_of(
        policy, book.account, _credit(draft, book), today(draft.now, draft.rules.credit.zone)[0]
    )
    return policy, at, amount


def scheduled(draft: Draft, account: str) -> tuple[str, int]:
    """A run looks at an account: what became of it (``grant``, ``order``, ``pass``, ``wait``, ``none``), and how much
    was granted. ``order``: the account is due for a refill that costs money; who ordered it marks it."""
    book = book_of(draft, account)
    policy = policy_for(draft, book)
    if policy is None:
        book.set(next_refill_at=None)
        return "none", 0
    if not policy.scheduled:  # a spend will ask for it; from when its periods are counted is known from now on
        place = enrolled(policy, book.account, draft.now)
        stay(draft, book, policy, Decision("wait", "not_due", place.anchor, place.settled, draft.now))
        return "none", 0
    decision = _decision(draft, book, policy, on_demand=False)
    if decision.what == "grant":
        return "grant", grant(draft, book, policy, decision, Cause("schedule", policy.name))
    if decision.what == "order":
        return "order", decision.amount
    if decision.why == "in_flight":
        book.set(next_refill_at=draft.now + LOOK_AGAIN)
        return "wait", 0
    stay(draft, book, policy, decision)
    return decision.what, 0


def due_order(draft: Draft, account: str) -> tuple[RefillPolicy, Decision] | None:
    """The refill that an account may buy now, with the policy that says so. Where its periods are counted from is kept,
    so that whoever asks next means the same window."""
    book = book_of(draft, account)
    policy = policy_for(draft, book)
    if policy is None:
        return None
    decision = _decision(draft, book, policy, on_demand=True)
    if decision.what != "order":
        return None
    stay(draft, book, policy, decision)
    return policy, decision


def postpone(draft: Draft, account: str) -> None:
    """A run looks at the account again in a while, whatever is the matter with it: nothing else of it is touched."""
    known = draft.facts.accounts.get(account)
    if known is not None and known.next_refill_at is not None and known.next_refill_at <= draft.now:
        draft.open_book(known).set(next_refill_at=draft.now + LOOK_AGAIN)


def grant(draft: Draft, book: Book, policy: RefillPolicy, decision: Decision, cause: Cause) -> int:
    """Book a refill and its log; how much it gave."""
    before = book.available(draft.now)
    parts: Parts = []
    if policy.mode == "reset":
        kinds = frozenset(kept.id for kept in book.buckets if kept.kind == "refill")
        rest = _credit(draft, book).refill_free
        if rest:
            parts, _ = book.take(rest, draft.now, only=kinds)
    if decision.amount:
        parts = [*parts, *book.give(of_kind("refill", decision.amount, decision.expires_at))]
    operation = Operation(
        account=book.id, key=f"{policy.name}:{decision.window}", cause=cause, memo=policy.name,
        digest=digest(policy.name, policy.version, decision.window),
    )  # fmt: skip
    journal = post(draft, "refill", operation, [(book, parts)])
    draft.changes.refills.append(
        Refill(
            account=book.id, policy=policy.name, window=decision.window, journal_id=journal.id, amount=decision.amount,
            periods=decision.periods, before=before, after=book.available(draft.now), cause_kind=cause.kind,
            cause_id=cause.id, policy_version=policy.version, at=draft.now,
        )
    )  # fmt: skip
    stay(draft, book, policy, decision, refilled_at=draft.now, refill_payment="")
    return decision.amount


def stay(draft: Draft, book: Book, policy: RefillPolicy, decision: Decision, **also: int | str) -> None:
    """Keep where the account stands with its policy, by the version of the policy that said so. Nothing is written
    where that is what it says already."""
    place = {
        "refill_policy": policy.name, "refill_version": policy.calendar_version, "refill_anchor": decision.anchor,
        "refill_count": decision.count, "next_refill_at": decision.next_at if policy.scheduled else None, **also,
    }  # fmt: skip
    if any(getattr(book.account, name) != value for name, value in place.items()):
        draft.changes.unchanged[policy.name] = policy.version
        book.set(**place)


def _after(draft: Draft, book: Book, policy: RefillPolicy, decision: Decision) -> int:
    """What would be available after a refill."""
    credit = _credit(draft, book)
    return credit.available + decision.amount - (credit.refill_free if policy.mode == "reset" else 0)


def _decision(draft: Draft, book: Book, policy: RefillPolicy, *, on_demand: bool) -> Decision:
    credit, day = _credit(draft, book), today(draft.now, draft.rules.credit.zone)[0]
    order = last_order(draft, book)
    return decide(policy, book.account, credit, draft.now, day, on_demand=on_demand, order=order)


def _credit(draft: Draft, book: Book) -> Credit:
    refilled = [kept for kept in book.buckets if kept.kind == "refill"]
    free = sum(kept.free(draft.now) for kept in refilled)
    return Credit(book.available(draft.now), free, sum(kept.held for kept in refilled), MAX_BALANCE - book.balance)
