"""What gateways send us: verified, decided as one set with whatever else came, acknowledged after the commit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from ..combining import Combiner
from ..deciding.draft import Draft
from ..deciding.events import Verdict, apply_event
from ..errors import CallbackRefused
from ..gateway import Callback, Event, Gateway, Reply
from ..store import Wants
from .settling import Settling

logger = logging.getLogger("payflow.flow")


class Receiving(Settling):
    """The part of a flow that takes callbacks."""

    def __init__(self, **pieces: Any) -> None:
        super().__init__(**pieces)
        self._together: Combiner[Sequence[Event], Sequence[Verdict]] = Combiner(self._apply_groups)

    def receive(self, callback: Callback) -> Reply:
        """Take one callback; the reply is given only after what it states is committed.

        A forged, stale or malformed one raises ``CallbackRefused`` and costs no database write; database trouble raises
        ``StoreError`` (the gateway will send again).
        """
        gateway, events = self._read(callback)
        verdicts = self.apply(events) if self.store.joined else self._together(events)
        return self._reply(gateway, events, verdicts)

    def receive_many(self, callbacks: Sequence[Callback]) -> list[Reply]:
        """Take several callbacks as one set in one transaction; each gets its own reply, in order.

        One that is refused is answered so and does not disturb the others.
        """
        replies: list[Reply | None] = []
        genuine: list[tuple[int, Gateway, Sequence[Event]]] = []
        for number, callback in enumerate(callbacks):
            try:
                gateway, events = self._read(callback)
            except CallbackRefused as error:
                known = self.gateways.get(callback.account)
                replies.append(known.refused(error.status, error.code, error.message) if known else Reply(error.status))
            else:
                replies.append(None)
                genuine.append((number, gateway, events))
        verdicts = self._apply_groups([events for _, _, events in genuine])
        for (number, gateway, events), group in zip(genuine, verdicts, strict=True):
            replies[number] = self._reply(gateway, events, group)
        return [reply for reply in replies if reply is not None]

    def apply(self, events: Sequence[Event]) -> Sequence[Verdict]:
        """Apply facts that a gateway stated, as one set: the road that callbacks, answers, queries and bills share."""
        return self._apply_groups([events])[0]

    def _apply_groups(self, groups: Sequence[Sequence[Event]]) -> Sequence[Sequence[Verdict]]:
        wants = Wants(
            orders={(event.account, event.out_trade_no) for group in groups for event in group},
            receipts={(event.account, event.key) for group in groups for event in group},
        )
        if not wants.orders:
            return [() for _ in groups]

        def decide(draft: Draft) -> list[list[Verdict]]:
            return [[apply_event(draft, event) for event in group] for group in groups]

        verdicts, _ = self.settle(wants, decide)
        for group, told in zip(groups, verdicts, strict=True):
            for event, verdict in zip(group, told, strict=True):
                self._log_verdict(event, verdict)
        return verdicts

    def _read(self, callback: Callback) -> tuple[Gateway, Sequence[Event]]:
        gateway = self.gateways.get(callback.account)
        if gateway is None:
            raise CallbackRefused("There is no such account", code="CALLBACK_UNKNOWN_ACCOUNT", status=404)
        return gateway, gateway.read(callback, self.clock())

    def _reply(self, gateway: Gateway, events: Sequence[Event], verdicts: Sequence[Verdict]) -> Reply:
        if any(verdict is Verdict.ORPHAN for verdict in verdicts):
            what = "UNKNOWN_REFUND" if any(event.out_refund_no for event in events) else "UNKNOWN_PAYMENT"
            return gateway.refused(404, what, "There is no such order yet")
        return gateway.accepted()

    def _log_verdict(self, event: Event, verdict: Verdict) -> None:
        level = logging.WARNING if verdict in (Verdict.INCIDENT, Verdict.ORPHAN) else logging.INFO
        logger.log(
            level,
            "%s says %s of %s: %s",
            event.account,
            event.kind,
            event.out_trade_no,
            verdict,
            extra={"event": f"event.{verdict}", "out_trade_no": event.out_trade_no, "key": event.key},
        )
