"""The worker: tells the host what happened, asks about what is not known, expires what nobody paid.

One round does what is due now and returns; ``run`` does rounds until it is told to stop. Any number of workers may run:
what one has claimed, no other is given until its lease is over, and what a handler has done once it never does again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .clock import seconds
from .deciding.draft import Draft
from .deciding.events import Verdict, apply_event, event_from_json
from .errors import PayflowError, StoreError
from .records import Effect, Message, replace
from .store import Transaction, Wants

if TYPE_CHECKING:
    from .flow import Flow

logger = logging.getLogger("payflow.worker")

#: A handler gets the message and the transaction that its effect is recorded in; it raises to be tried again.
Handler = Callable[[Message, Transaction], None]


class Handlers:
    """The host's handlers by name. A name is for ever: it is what an effect is remembered by."""

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[frozenset[str], Handler]] = {}

    def add(self, name: str, kinds: Iterable[str], function: Handler) -> None:
        """Register ``function`` for message kinds (``"payment.paid"``; ``"*"`` for all). A name is taken once."""
        if name in self._by_name:
            raise PayflowError(f"There is already a handler named {name}", code="DUPLICATE_HANDLER", handler=name)
        self._by_name[name] = (frozenset(kinds), function)

    def of(self, kind: str) -> Mapping[str, Handler]:
        """The handlers that want a message of this kind."""
        return {name: call for name, (kinds, call) in self._by_name.items() if kind in kinds or "*" in kinds}


@dataclass(slots=True)
class RoundReport:
    """What one round did."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    looked: int = 0
    asked: int = 0
    performed: int = 0
    healed: int = 0
    forgotten: int = 0
    callbacks_missing: list[str] = field(default_factory=list)
    chores: dict[str, int] = field(default_factory=dict)  # by name, how much each did

    @property
    def busy(self) -> bool:
        """Whether there was anything to do: then the next round follows at once."""
        done = self.delivered or self.failed or self.dead or self.performed or self.asked
        return bool(done or any(self.chores.values()))


class Worker:
    """Rounds of work over one flow. Seconds everywhere."""

    def __init__(
        self,
        flow: Flow,
        handlers: Handlers | None = None,
        *,
        batch: int = 100,
        lease_seconds: float = 60,
        max_tries: int = 12,
        poll_seconds: float = 1,
        longest_pause_seconds: float = 3600,
        chores: Mapping[str, Callable[[], int]] | None = None,
    ) -> None:
        self.flow = flow
        self.handlers = handlers or Handlers()
        self.batch = batch
        self.lease = seconds(lease_seconds)
        self.max_tries = max_tries
        self.poll_seconds = poll_seconds
        self.longest_pause = seconds(longest_pause_seconds)
        self.chores = dict(chores or {})
        self._sweep_at = 0
        self._orphans_after = ""

    # -- rounds -------------------------------------------------------------------------------------------------

    def round(self) -> RoundReport:
        """Do what is due now, once: look at due payments, then deliver what is to be told."""
        report = RoundReport()
        try:
            self._look(report)
        finally:  # whatever is wrong with a payment, the host is told what has happened to the others
            self._deliver(report)
        self._do_chores(report)
        if self.flow.clock() >= self._sweep_at:
            self._sweep_at = self.flow.clock() + seconds(10)
            self._heal_orphans(report)
            report.forgotten = self.flow.store.forget_keys(self.flow.clock())
        return report

    def run(self, stop: threading.Event) -> None:
        """Rounds until ``stop`` is set; the round under way is finished. Database trouble is waited out."""
        pause = self.poll_seconds
        while not stop.is_set():
            try:
                report = self.round()
            except StoreError as error:
                pause = min(pause * 2, 60.0)
                logger.warning("The database did not answer (%s); next try in %.0f s", error.code, pause)
                stop.wait(pause)
                continue
            except Exception:
                pause = min(pause * 2, 60.0)
                logger.exception("A round broke off; next try in %.0f s", pause)
                stop.wait(pause)
                continue
            pause = self.poll_seconds
            if not report.busy:
                stop.wait(pause)

    def _do_chores(self, report: RoundReport) -> None:
        """What else there is to do (credit that lapses, holds that are over, refills): one that breaks stops no other.

        A chore does a bounded piece of its work and says how much it did; as long as it did any, rounds follow at once.
        """
        for name, chore in self.chores.items():
            try:
                done = chore()
            except StoreError:
                raise  # the database itself: the round is tried again as a whole
            except Exception:
                logger.exception("The chore %s broke; it is tried again next round", name)
            else:
                report.chores[name] = done

    # -- looking at payments ------------------------------------------------------------------------------------

    def _look(self, report: RoundReport) -> None:
        due = self.flow.store.claim_due(self.flow.clock(), self.batch, self.lease)
        if not due:
            return
        found = self.flow.check(due)
        report.looked, report.asked, report.performed = found.looked, found.asked, found.performed
        report.callbacks_missing = found.callbacks_missing

    def _heal_orphans(self, report: RoundReport) -> None:
        """A callback came before its order was visible and the gateway may have given up: apply what it stated."""
        page = self.flow.store.open_incidents(self.batch, after=self._orphans_after)
        self._orphans_after = page[-1].id if len(page) == self.batch else ""  # the next sweep goes on, or begins again
        orphans = [kept for kept in page if kept.kind in ("unknown_payment", "unknown_refund")]
        for incident in orphans:
            event = event_from_json(incident.event, incident.proof)
            name = (event.account, event.out_trade_no)
            facts = self.flow.store.gather(Wants(orders={name}, refunds=True))
            if name not in facts.orders:
                self._alert(incident.id, incident.kind, incident.created_at)
                continue
            if event.out_refund_no is not None and not any(
                refund.out_refund_no == event.out_refund_no for refund in facts.refunds.values()
            ):
                continue

            def heal(draft: Draft, name: tuple[str, str] = (incident.kind, incident.ref)) -> None:
                known = draft.facts.incidents[name]
                verdict = apply_event(draft, event_from_json(known.event, known.proof))
                if verdict is not Verdict.ORPHAN:
                    draft.put_incident(
                        replace(
                            known, status="resolved", resolution=f"the order turned up: {verdict}", updated_at=draft.now
                        )
                    )

            self.flow.settle(
                Wants(orders={name}, receipts={(event.account, event.key)}, incidents={(incident.kind, incident.ref)}),
                heal,
            )
            report.healed += 1

    def _alert(self, incident_id: str, kind: str, since: int) -> None:
        if self.flow.clock() - since > seconds(600):
            logger.warning("A genuine callback still has no order (%s) incident_id=%s", kind, incident_id)

    # -- delivering messages ------------------------------------------------------------------------------------

    def _deliver(self, report: RoundReport) -> None:
        """Deliver until nothing is due, one message per payment at a time, so that each payment is told in order."""
        for _ in range(1000):
            messages = self.flow.store.claim_messages(self.flow.clock(), self.batch, self.lease)
            if not messages:
                return
            done = self.flow.store.effects_of(messages)
            finished = [self._tell(message, done.get(message.key, set()), report) for message in messages]
            self.flow.store.finish_messages(finished)

    def _tell(self, message: Message, done: set[str], report: RoundReport) -> Message:
        """One message to each of its handlers that has not had it; each in a transaction of its own."""
        errors: dict[str, str] = {}
        for name, handler in self.handlers.of(message.kind).items():
            if name not in done:
                error = self._call(name, handler, message)
                if error is not None:
                    errors[name] = error
        now = self.flow.clock()
        if not errors:
            report.delivered += 1
            return replace(message, delivered_at=now, last_error="")
        last_error = "; ".join(f"{name}: {error}" for name, error in errors.items())[:500]
        if message.tries < self.max_tries:
            report.failed += 1
            pause = min(self.longest_pause, seconds(1) << min(message.tries, 16))
            return replace(message, due_at=now + pause, last_error=last_error)
        report.dead += 1
        self._bury(message, errors, now)
        return replace(message, dead_at=now, last_error=last_error)

    def _call(self, name: str, handler: Handler, message: Message) -> str | None:
        """Run one handler with its effect row in one transaction; what went wrong, or ``None``."""
        try:
            with self.flow.store.transaction() as transaction:
                effect = Effect(handler=name, payment_id=message.payment_id, seq=message.seq, at=self.flow.clock())
                if transaction.effect(effect):
                    handler(message, transaction)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            logger.warning(
                "Handler %s failed on %s (try %d): %s payment_id=%s trace_id=%s", name, message.kind, message.tries,
                type(error).__name__, message.payment_id, message.trace_id, exc_info=True,
            )  # fmt: skip
            return f"{type(error).__name__}: {error}"[:200]
        logger.info(
            "Handler %s has done %s payment_id=%s trace_id=%s", name, message.kind, message.payment_id, message.trace_id
        )
        return None

    def _bury(self, message: Message, errors: Mapping[str, str], now: int) -> None:
        """A dead letter per handler that never managed; the message's queue goes on."""
        for name, error in errors.items():
            with self.flow.store.transaction() as transaction:
                transaction.effect(
                    Effect(handler=name, payment_id=message.payment_id, seq=message.seq, at=now, dead=1, error=error)
                )
            logger.error(
                "Dead letter: handler %s gave up on %s after %d tries payment_id=%s", name, message.kind, message.tries,
                message.payment_id,
            )  # fmt: skip
