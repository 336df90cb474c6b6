"""Both sides, batch by batch: every row of the bill, then every payment and refund of ours that no row has met.

One pass is a function of what is stored, so it can be made again, whole or for some rows, and changes nothing where
nothing has changed. A difference is never deleted: what agrees by now stays, as healed or settled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ..reconcile import (
    Around,
    Day,
    Found,
    PaymentPair,
    RefundPair,
    UnmetPayment,
    UnmetRefund,
    compare_payment,
    compare_refund,
    step_of,
    unmet_payment,
    unmet_refund,
    with_what_is_known,
)
from ..records import Difference, replace
from .turns import Turn

_OVER = frozenset({"healed", "settled"})
_HOUR = 3_600_000_000
_ROUNDS = 3


class Matching:
    """One run, held against the books of ``accounts``: all of ours at this merchant."""

    def __init__(self, turn: Turn, accounts: Sequence[str], batch: int) -> None:
        self.turn, self.accounts, self.batch = turn, accounts, batch
        self.day = Day.of(turn.run.day)

    def balance(self) -> bool:
        """Match until the counts and sums of both sides add up: they do at once, unless our books move meanwhile.

        False if they never do: then nothing that was found is to be relied on.
        """
        for _ in range(_ROUNDS):
            matched, met = self._bill_side()
            self._book_side()
            if self._adds_up(matched, met):
                return True
        return False

    # -- the bill's side ----------------------------------------------------------------------------------------

    def _bill_side(self) -> tuple[int, int]:
        matched = met = 0
        last = self.turn.run.staged
        for start in range(0, last, self.batch):
            until = min(start + self.batch, last)
            found, rows, here = self._compared(start, until, ())
            known = self._known(start, until)
            self._keep(found, known, agreed=rows.keys() - found.keys())
            matched += len(rows.keys() - found.keys() - known.keys())
            met += here
            self.turn.progress("match", until, last)
        return matched, met

    def _known(self, start: int, until: int) -> dict[str, Difference]:
        listed = self.turn.store.recon_differences(self.turn.run.id, after=_item(start), until=_item(until))
        return {one.item: one for one in listed}

    def _compared(
        self, start: int, until: int, lines: Collection[int]
    ) -> tuple[dict[str, Found], dict[str, int], int]:  # fmt: skip
        """What differs, all rows with what they moved, and how many items of ours of this day they have met."""
        payments = self._pairs(PaymentPair, start, until, lines)
        refunds = self._pairs(RefundPair, start, until, lines)
        day, found, rows, met = self.day, dict[str, Found](), dict[str, int](), 0
        answers = [(pair, compare_payment(pair, day)) for pair in payments]
        answers += [(pair, compare_refund(pair, day)) for pair in refunds]
        for pair, answer in answers:
            item = _item(pair.line)
            rows[item] = pair.moved
            if answer is not None:
                found[item] = answer
                met += answer.ours != 0
            else:
                met += pair.moved != 0
        return found, rows, met

    def _pairs(self, kind: Any, start: int, until: int, lines: Collection[int]) -> Iterable[Any]:
        """Each row once, with the best of what any account of ours has for it."""
        store, run = self.turn.store, self.turn.run.id
        read = store.recon_payments if kind is PaymentPair else store.recon_refunds
        first, *others = self.accounts
        if not others:
            return map(kind._make, read(run, first, start, until, lines))
        best: dict[int, Any] = {pair.line: pair for pair in map(kind._make, read(run, first, start, until, lines))}
        for account in others:
            for pair in map(kind._make, read(run, account, start, until, lines, known_only=True)):
                if _rank(pair) > _rank(best[pair.line]):
                    best[pair.line] = pair
        return best.values()

    # -- our side -----------------------------------------------------------------------------------------------

    def _book_side(self) -> None:
        run, store, day = self.turn.run, self.turn.store, self.day
        for number, account in enumerate(self.accounts):
            for since in range(day.start, day.end, _HOUR):
                window = (run, account, since, min(since + _HOUR, day.end))
                found = [unmet_payment(UnmetPayment._make(row), day) for row in store.recon_unmet_payments(*window)]
                found += [unmet_refund(UnmetRefund._make(row), day) for row in store.recon_unmet_refunds(*window)]
                for first in range(0, len(found), self.batch):
                    self._keep_ours(found[first : first + self.batch])
                self.turn.go_on()
                self.turn.progress("books", number * 24 + (since - day.start) // _HOUR + 1, 24 * len(self.accounts))

    def _keep_ours(self, listed: Sequence[Found]) -> None:
        found = {one.item: one for one in listed}
        known = self.turn.store.recon_differences(self.turn.run.id, items=found.keys())
        self._keep(found, {one.item: one for one in known})

    def books(self) -> tuple[int, int]:
        """How many items our books have of this day, and what they add up to."""
        sums = [self.turn.store.recon_books(self.turn.run, one, self.day.start, self.day.end) for one in self.accounts]
        return sum(count for count, _ in sums), sum(amount for _, amount in sums)

    def _adds_up(self, matched: int, met: int) -> bool:
        """Whether no item has vanished, on either side, and no fen."""
        run = self.turn.run
        items, booked = self.books()
        of_bill = of_books = theirs = ours = 0
        for side, _, _, count, their, our in self.turn.store.recon_sums(run.id):
            of_bill += count if side == "bill" else 0
            of_books += count if side == "books" else 0
            theirs, ours = theirs + their, ours + our
        self.turn.write(matched=matched, book_items=items, met=met, booked=booked)
        return (
            run.bill_rows == matched + of_bill
            and items == met + of_books
            and run.moved - booked == theirs - ours
        )  # fmt: skip

    # -- keeping what was found ---------------------------------------------------------------------------------

    def again(self, differences: Sequence[Difference], *, healed: bool) -> list[tuple[Difference, Found | None]]:
        """Compare the rows of these differences once more; each as it is now, with what still differs."""
        lines = [int(one.item[1:]) for one in differences if one.side == "bill"]
        found, rows, _ = self._compared(0, 0, lines) if lines else ({}, {}, 0)
        known = {one.item: one for one in differences}
        kept = self._keep(found, known, agreed=rows.keys() - found.keys(), over="healed" if healed else "settled")
        return [(kept.get(item, one), found.get(item)) for item, one in known.items()]

    def look_again(self, differences: Sequence[Difference]) -> None:
        """Another day's bill has come: what of these differences it explains."""
        found = {one.item: _as_found(one) for one in differences}
        self._keep(found, {one.item: one for one in differences})

    def _keep(
        self,
        found: dict[str, Found],
        known: dict[str, Difference],
        *,
        agreed: Collection[str] = (),
        over: str = "settled",
    ) -> dict[str, Difference]:
        """Store what is new or different about these items; every difference of theirs that is not as it was."""
        now, run = self.turn.clock(), self.turn.run.id
        around = self._around(found.values()) if found else Around()
        changed: dict[str, Difference] = {}
        for item, first in found.items():
            one, incident = with_what_is_known(first, around)
            before = known.get(item)
            after = _difference(run, one, incident, before, now)
            if before is None or replace(after, updated_at=before.updated_at) != before:
                changed[item] = after
        for item in known.keys() & set(agreed):
            if known[item].state not in _OVER:
                changed[item] = replace(known[item], state=over, ours=known[item].theirs, step="", updated_at=now)
        if changed:
            self.turn.write(differences=list(changed.values()))
        else:
            self.turn.go_on()
        return changed

    def _around(self, found: Iterable[Found]) -> Around:
        """One look at whatever else is known about these differences."""
        store, run = self.turn.store, self.turn.run
        listed = list(found)
        rows = store.recon_trades(run.id, {one.gateway_txn for one in listed if one.gateway_txn})
        trades: dict[str, list[tuple[str | None, str]]] = {}
        back: set[str] = set()
        mine = f"{run.gateway}:{run.merchant}:"
        days = {one.day for one in store.recon_runs(10_000, self.day.before(370).name) if _has_bill(one, mine)}
        for trade, kind, order, name in rows:
            day = name.removeprefix(mine)
            if not name.startswith(mine) or (name != run.id and day not in days):
                continue
            if kind == "reversal":
                back.add(trade)
            elif kind == "payment":
                trades.setdefault(trade, []).append((order, day))
        refunds: dict[str, list[str]] = {}
        for number, name in store.recon_refund_rows(run.id, {one.out_refund_no for one in listed if one.out_refund_no}):
            if name.startswith(mine) and name.removeprefix(mine) in days:
                refunds.setdefault(number, []).append(name.removeprefix(mine))
        payments = {one.payment_id for one in listed if one.payment_id and one.side == "bill"}
        incidents = {
            (one.payment_id or "", one.gateway_txn or ""): one.id
            for one in (store.recon_incidents(payments) if payments else ())
            if one.gateway_txn and not one.kind.startswith("recon_")
        }
        return Around(trades=trades, refunds=refunds, reversed=back, incidents=incidents, days=days)


def _has_bill(run: Any, mine: str) -> bool:
    return bool(run.id.startswith(mine) and run.state in ("imported", "done") and run.kept)


def _difference(run: str, one: Found, incident: str | None, before: Difference | None, now: int) -> Difference:
    state = _state(one, before)
    kept = before.incident_id if before is not None else None
    if incident is not None and (before is None or before.state != "open"):
        kept = incident  # what was open has an incident of our own, which is settled first
    return Difference(
        run=run, item=one.item, side=one.side, kind=one.kind, state=state, theirs=one.theirs, ours=one.ours,
        currency=one.currency, out_trade_no=one.out_trade_no, gateway_txn=one.gateway_txn,
        out_refund_no=one.out_refund_no, payment_id=one.payment_id, refund_id=one.refund_id, incident_id=kept,
        other_day=one.other_day, step=step_of(one._replace(state=state)),
        found_at=before.found_at if before is not None else now, updated_at=now,
    )  # fmt: skip


def _state(one: Found, before: Difference | None) -> str:
    """What waits for an answer goes on waiting until healing decides, and what a person has dismissed stays so."""
    if before is not None and one.state == "open" and before.kind == one.kind:
        asked = before.side == "bill" and before.state == "waiting"
        return before.state if asked or before.state == "dismissed" else "open"
    return one.state


def _as_found(one: Difference) -> Found:
    """A difference of our side, or one of days, as it was found first."""
    return Found(
        one.item, one.side, one.kind, one.theirs, one.ours, one.currency, one.out_trade_no, one.gateway_txn,
        one.out_refund_no, one.payment_id, one.refund_id, "", one.other_day, one.state,
    )  # fmt: skip


def _rank(pair: Any) -> int:
    """How well a payment or refund fits its row: any is better than none, and the one that was paid by it is best."""
    if isinstance(pair, PaymentPair):
        if pair.payment_id is None:
            return 0
        return 1 + bool(pair.captured) + (pair.paid_by == pair.gateway_txn)
    return int(pair.refund_id is not None)


def _item(line: int) -> str:
    return f"b{line:09d}"
