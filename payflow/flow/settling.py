"""How every decision is made: gather, decide, write — again from the start if somebody moved first."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from ..clock import Clock, seconds, system_clock
from ..deciding.draft import Draft, Needs
from ..deciding.rules import CreditRules, Rules, Schedule
from ..errors import InvalidRequest, Refused, StoreConflict
from ..gateway import Event, Gateway
from ..identifiers import new_id
from ..machine import Table
from ..money import MAX_MINOR, Money
from ..records import Changes, Payment
from ..routing import Router
from ..store import Store, Wants
from ..trust import Trust

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the walk takes from the config; seconds unless the name says otherwise."""

    secret: bytes = field(repr=False)
    token_ttl_seconds: int | None = 300  # None: contexts are not retained, nothing waits for a person
    payment_seconds: int = 900
    barcode_seconds: int = 60  # a bar code that is not decided by then is cancelled: its payer stands at the counter
    retention_seconds: int = 7 * 86_400
    time_zone: Any = None  # a tzinfo; None is Beijing
    conflict_tries: int = 12

    def lifetime(self, channel: str) -> int:
        """How long a payment by ``channel`` may take, in microseconds."""
        return seconds(self.barcode_seconds if channel == "barcode" else self.payment_seconds)


class Settling:
    """What the parts of a flow share: the pieces it was built from, and the one way to change anything."""

    def __init__(
        self,
        *,
        store: Store,
        gateways: Mapping[str, Gateway],
        router: Router,
        trust: Trust,
        tables: Mapping[str, Table],
        policies: Mapping[str, str],
        settings: Settings,
        schedule: Schedule | None = None,
        clock: Clock = system_clock,
        ids: Callable[[int], str] = new_id,
        config: Any = None,
        credit: CreditRules | None = None,
    ) -> None:
        self.store = store
        self.gateways = dict(gateways)
        self.router = router
        self.trust = trust
        self.tables = tables
        self.settings = settings
        self.clock = clock
        self.config = config
        #: Called with this flow and every set that it has written; a joined one may still be rolled back by its host.
        self.written: Callable[[Settling, Changes], None] | None = None
        self._ids = ids
        self._rules = Rules(
            tables=tables,
            policies=policies,
            schedule=schedule or Schedule(),
            operations={name: gateway.capabilities.operations for name, gateway in self.gateways.items()},
            credit=credit or CreditRules(),
        )

    @property
    def rules(self) -> Rules:
        """What its decisions go by."""
        return self._rules

    def joined(self, connection: Any) -> Self:
        """This flow inside the host's transaction: a DB-API connection, SQLAlchemy ``Connection`` or ``Session``.

        What it writes commits or rolls back with the host's own rows; payflow never commits. Since nothing may be sent
        before the host has committed, verbs only record what is to be done: :meth:`perform` after the commit, or the
        worker, does it. A ``StoreConflict`` that stays is the host's to retry, as a whole unit.
        """
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.store = self.store.join(connection)
        return twin

    def after_commit(self) -> None:
        """The host has ended the transaction that this flow has joined.

        Needed only where the ledger has a database of its own: what was prepared there is committed or rolled back like
        the host's transaction. Without it the next recovery does, and until then the accounts are locked.
        """
        self.store.finish()

    def settle(self, wants: Wants, decide: Callable[[Draft], T], trace_id: str = "") -> tuple[T, Draft]:
        """Gather, decide, write; again from the start if somebody moved first or the decision needs to know more.

        Who was too late for an account or an allowance once queues up for it: where many want the same credit, or the
        same day's ceiling, all get their turn.
        """
        tries = self.settings.conflict_tries
        for attempt in range(1, tries + 1):
            queues = attempt > 1 and bool(wants.accounts or wants.allowances) and not self.store.joined
            try:
                with self.store.together() if queues else nullcontext(self.store) as store:
                    result, draft = self._decided(store, wants, decide, trace_id)
                    if draft.changes:
                        store.write(draft.changes)
            except StoreConflict:
                if attempt == tries:
                    raise
                wants.again = True
                time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 6)))
            else:
                if draft.changes and self.written is not None:
                    self.written(self, draft.changes)
                return result, draft
        raise AssertionError("unreachable")  # pragma: no cover

    def _decided(self, store: Store, wants: Wants, decide: Callable[[Draft], T], trace_id: str) -> tuple[T, Draft]:
        while True:
            draft = Draft(store.gather(wants), self._rules, self.clock(), self._ids, wants, trace_id)
            try:
                result = decide(draft)
                draft.close_books()
                return result, draft
            except Needs as needs:
                if not needs.add_to(wants):
                    raise RuntimeError("A decision asks again for what it was given") from needs

    def able(self, account: str, channel: str | None, amount: Money | None, operation: str | None) -> Gateway:
        """The gateway behind an account, if it can do what is asked; refused before any call otherwise."""
        gateway = self.gateways.get(account)
        if gateway is None:
            raise Refused("This account is not configured", code="OPERATION_UNSUPPORTED", account=account)
        can = gateway.capabilities
        if operation is not None and operation not in can.operations:
            raise Refused(f"{gateway.kind} cannot {operation} here yet", code="OPERATION_UNSUPPORTED", account=account)
        if channel is not None and channel not in can.channels:
            raise Refused(f"{gateway.kind} has no channel {channel}", code="OPERATION_UNSUPPORTED", account=account)
        if amount is not None:
            if amount.currency not in can.currencies:
                raise InvalidRequest(f"{gateway.kind} does not take {amount.currency}", code="INVALID_CURRENCY")
            if amount.minor > min(can.max_amount, MAX_MINOR):
                raise InvalidRequest("Amount is too large for this gateway", code="INVALID_AMOUNT")
        return gateway

    @staticmethod
    def acceptable(gateway: Gateway, payment: Payment) -> None:
        """What this gateway cannot do without, refused before anything is stored: ``INVALID_REFERENCE`` for an order
        number it does not take, and whatever its own ``check`` says (``INVALID_METADATA`` with the ``path``)."""
        if re.fullmatch(gateway.capabilities.order_number, payment.out_trade_no, re.ASCII) is None:
            raise InvalidRequest(f"{gateway.kind} does not take this order number", code="INVALID_REFERENCE")
        check = getattr(gateway, "check", None)
        if check is not None:
            check(payment)

    def call_lease(self) -> int | None:
        """How long a caller that performs its own attempt keeps it; joined flows leave it to others."""
        return None if self.store.joined else self._rules.schedule.call_lease

    def wants_for(self, events: Sequence[Event], *, payments: set[str]) -> Wants:
        """What deciding these events about these payments needs to know."""
        return Wants(
            payments=set(payments),
            orders={(event.account, event.out_trade_no) for event in events},
            receipts={(event.account, event.key) for event in events},
            attempts=True,
        )


def about(payment: Payment) -> dict[str, Any]:
    """What every log line about a payment carries."""
    return {"payment_id": payment.id, "trace_id": payment.trace_id, "account": payment.account}
