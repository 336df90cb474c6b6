"""What is done about a difference: the gateway is asked, or what the bill states is taken as a fact of its own.

What is left becomes an incident with a suggested step. Nothing here moves a payment: that is the walk's one road.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..deciding.draft import Draft, Needs, compact
from ..flow import Flow
from ..gateway import Bills, Event
from ..reconcile import Found
from ..records import Difference, Incident, Payment, replace
from ..store import Wants
from .matching import Matching

_AT_ONCE = 50
_KINDS = frozenset({"status", "late", "amount", "duplicate"})
_OURS = "recon_"
_AGREES = "the bill and our books agree by now"


class Healing:
    """What is done about the differences of one run."""

    def __init__(self, flow: Flow, matching: Matching, bills: Bills | None) -> None:
        self.flow, self.matching, self.turn = flow, matching, matching.turn
        self.bills = bills  # None: the bill came from somebody, not from the gateway, and states nothing

    # -- asking and stating -------------------------------------------------------------------------------------

    def heal(self) -> int:
        """Ask about what the bill says and we do not, then state what no question brings to light; how many agree."""
        before, done = self._over(), 0
        for part in self._pages(lambda one: one.state in ("open", "waiting") and _may_heal(one)):
            still = self._asked(part)
            self._stated([(one, found) for one, found in still if found is not None and found.heal == "state"])
            done += len(part)
            self.turn.progress("heal", done, None)
        return self._over() - before

    def _asked(self, part: Sequence[Difference]) -> list[tuple[Difference, Found | None]]:
        again = self.matching.again(part, healed=False)  # a callback may have come meanwhile
        asked = sorted({found.payment_id for _, found in again if found and found.heal == "ask" and found.payment_id})
        if not asked:
            return again
        self.flow.check(asked)
        again = self.matching.again([one for one, found in again if found is not None], healed=True)
        unanswered = self._unanswered(asked)
        waiting = [
            replace(one, state="waiting", updated_at=self.turn.clock())
            for one, found in again
            if found is not None and found.heal == "ask" and one.state == "open" and one.payment_id in unanswered
        ]
        certain = [
            replace(one, state="open", updated_at=self.turn.clock())
            for one, found in again
            if found is not None and one.state == "waiting" and one.payment_id not in unanswered
        ]
        if waiting or certain:
            self.turn.write(differences=[*waiting, *certain])
        return again

    def _unanswered(self, asked: Sequence[str]) -> set[str]:
        """The payments whose question is still open: nobody knows yet what the gateway would say."""
        facts = self.flow.store.gather(Wants(payments=set(asked), attempts=True))
        return {
            attempt.payment_id
            for attempt in facts.attempts.values()
            if attempt.op in ("query", "query_refund") and attempt.status == "unknown"
        }

    def _stated(self, still: Sequence[tuple[Difference, Found]]) -> None:
        """A trade that only the bill tells of is a fact like any other, and walks the same road as a callback."""
        if self.bills is None or not still:
            return
        items = {one.line: one for one in self.turn.store.recon_items(self.turn.run.id, _lines(still))}
        facts = self.flow.store.gather(Wants(payments={found.payment_id for _, found in still if found.payment_id}))
        events: list[Event] = []
        for one, found in still:
            payment, item = facts.payments.get(found.payment_id or ""), items.get(int(one.item[1:]))
            if payment is not None and item is not None and item.kind == "payment" and item.gateway_txn:
                event = self.bills.paid(item, payment.app)
                events.append(replace(event, account=payment.account))
        if events:
            self.flow.apply(events)
            self.matching.again([one for one, _ in still], healed=True)

    # -- incidents ----------------------------------------------------------------------------------------------

    def announce(self) -> None:
        """Every open difference has its incident, what is not open any more has none that is, and what a person has
        looked into is dismissed."""
        for part in self._pages(lambda one: one.state == "open" and bool(one.incident_id)):
            self._dismiss(part)
        for part in self._pages(lambda one: one.state == "open" and not one.incident_id):
            self._raise(part)
        for part in self._pages(lambda one: one.state != "open" and bool(one.incident_id)):
            self._close(part)

    def _dismiss(self, part: Sequence[Difference]) -> None:
        facts = self.flow.store.gather(Wants(incident_ids={one.incident_id for one in part if one.incident_id}))
        over = {one.id for one in facts.incidents.values() if one.status == "resolved" and one.resolution != _AGREES}
        named = {one.id: one.kind for one in facts.incidents.values()}
        now = self.turn.clock()
        changed = [replace(one, state="dismissed", step="", updated_at=now) for one in part if one.incident_id in over]
        # It differs in another way by now, or differs again: its incident is raised anew, and the old one settled.
        stale = [one for one in part if one.incident_id not in over and named.get(one.incident_id or "") != _kind(one)]
        if stale:
            self._close(stale)
            changed += [replace(one, incident_id=None, updated_at=now) for one in stale]
        if changed:
            self.turn.write(differences=changed)

    def _raise(self, part: Sequence[Difference]) -> None:
        payments = {one.payment_id for one in part if one.payment_id}
        names = {(_kind(one), _ref(one)) for one in part}

        def decide(draft: Draft) -> dict[str, str]:
            return {one.item: self._incident(draft, one) for one in part}

        ids, _ = self.flow.settle(Wants(payments=payments, incidents=names), decide)
        now = self.turn.clock()
        self.turn.write(differences=[replace(one, incident_id=ids[one.item], updated_at=now) for one in part])

    def _incident(self, draft: Draft, one: Difference) -> str:
        run = self.turn.run
        payment = draft.facts.payments.get(one.payment_id or "")
        known = draft.facts.incidents.get((_kind(one), _ref(one)))
        if known is not None:
            if known.status == "resolved" and known.resolution == _AGREES:  # it agreed for a while
                _put(draft, replace(known, status="open", resolution="", updated_at=draft.now), payment)
            return known.id
        said = {
            "source": "reconcile", "run": run.id, "day": run.day, "item": one.item, "difference": one.kind,
            "theirs": one.theirs, "ours": one.ours, "out_trade_no": one.out_trade_no, "gateway_txn": one.gateway_txn,
            "out_refund_no": one.out_refund_no, "step": one.step,
        }  # fmt: skip
        incident = Incident(
            id=draft.new_id(draft.now), kind=_kind(one), ref=_ref(one), gateway=run.gateway,
            account=payment.account if payment is not None else run.account, payment_id=one.payment_id, status="open",
            policy="hold", amount=abs(one.theirs - one.ours) or abs(one.theirs), currency=one.currency,
            gateway_txn=one.gateway_txn, event=compact(said), trace_id=payment.trace_id if payment is not None else "",
            created_at=draft.now, updated_at=draft.now,
        )  # fmt: skip
        return draft.raise_incident(incident, payment, again=False).id

    def _close(self, part: Sequence[Difference]) -> None:
        """Settle our own incidents about what agrees by now, or what the walk has an incident of its own for."""
        wanted = Wants(incident_ids={one.incident_id for one in part if one.incident_id})
        facts = self.flow.store.gather(wanted)
        ours = {one.id for one in facts.incidents.values() if one.kind.startswith(_OURS)}
        mine = [one for one in part if one.incident_id in ours]
        if not mine:
            return

        def decide(draft: Draft) -> None:
            for incident in list(draft.facts.incidents.values()):
                if incident.id in ours and incident.status == "open":
                    payment = draft.facts.payments.get(incident.payment_id or "")
                    if incident.payment_id and payment is None:
                        raise Needs(payments={incident.payment_id})
                    _put(draft, replace(incident, status="resolved", resolution=_AGREES, updated_at=draft.now), payment)

        wants = Wants(incident_ids=set(ours), payments={one.payment_id for one in mine if one.payment_id})
        self.flow.settle(wants, decide)
        theirs = {
            (one.payment_id, one.gateway_txn): one.id
            for one in self.turn.store.recon_incidents({one.payment_id for one in mine if one.payment_id})
            if not one.kind.startswith(_OURS)
        }
        known = [one for one in mine if one.state == "known" and (one.payment_id, one.gateway_txn) in theirs]
        if known:
            self.turn.write(
                differences=[replace(one, incident_id=theirs[one.payment_id, one.gateway_txn]) for one in known]
            )

    # -- pages --------------------------------------------------------------------------------------------------

    def _pages(self, wanted: Callable[[Difference], bool]) -> Iterator[list[Difference]]:
        """The run's differences that are wanted, a few at a time."""
        after, part = "", list[Difference]()
        while listed := self.turn.store.recon_differences(self.turn.run.id, after=after, limit=500):
            after = listed[-1].item
            for one in filter(wanted, listed):
                part.append(one)
                if len(part) == _AT_ONCE:
                    yield part
                    part = []
        if part:
            yield part

    def _over(self) -> int:
        sums = self.turn.store.recon_sums(self.turn.run.id)
        return sum(count for _, _, state, count, _, _ in sums if state in ("healed", "settled", "known"))


def _may_heal(one: Difference) -> bool:
    return one.side == "bill" and one.kind in _KINDS and one.payment_id is not None


def _lines(still: Sequence[tuple[Difference, Found]]) -> list[int]:
    return [int(one.item[1:]) for one, _ in still]


def _kind(one: Difference) -> str:
    return f"{_OURS}{one.kind}"


def _ref(one: Difference) -> str:
    return f"{one.run}:{one.item}"


def _put(draft: Draft, incident: Incident, payment: Payment | None) -> None:
    if payment is not None:  # every decision about a payment goes through its version
        draft.put(payment)
    draft.put_incident(incident)
