"""The host's SQLAlchemy session: payments in its transaction, and what follows once it has really committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import current_app

from ..errors import ConfigError
from . import signals
from .extension import current_payflow

if TYPE_CHECKING:
    from ..flow import Flow
    from ..flow.settling import Settling
    from ..records import Changes, Message


def joined_payflow() -> Flow:
    """The app's flow inside the transaction of the host's session: ask for it wherever that is used.

    Its verbs record; what they record is sent right after the session's commit, and by the worker where that fails.
    If the session rolls back, nothing was there. The session is what ``PayFlow(app, session=…)`` names, else
    Flask-SQLAlchemy's. Raises ``CONFIG_NO_SESSION`` where there is none.
    """
    session = _session()
    flow = current_payflow()
    twin = flow.joined(session)
    waiting = _waiting(session, flow)
    twin.written = waiting.written
    return twin


def _session() -> Any:
    named = current_app.extensions.get("payflow_session")
    if named is None and "sqlalchemy" in current_app.extensions:
        named = current_app.extensions["sqlalchemy"].session
    if named is None:
        raise ConfigError(
            "There is no session to join: PayFlow(app, session=lambda: …)", path="session", code="CONFIG_NO_SESSION"
        )
    given = named if hasattr(named, "registry") else named()
    registry: Any = getattr(given, "registry", None)
    return registry() if hasattr(registry, "has") else given  # a scoped_session stands for the session of this request


class Waiting:
    """What one session has written through payflow and not committed yet."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.messages: list[Message] = []
        self.payments: set[str] = set()
        self.kept = False  # the outermost transaction has committed, and is about to end

    def written(self, _: Settling, changes: Changes) -> None:
        """Remember a set until the commit."""
        self.messages += changes.messages
        self.payments |= changes.prepared()

    def committed(self) -> None:
        """The transaction is over and kept: send, and tell. What a savepoint took back is not in the database."""
        messages, payments = self.messages, self.payments
        self.forget()
        stored: dict[str, set[tuple[str, str, int]]] = {}
        for name in sorted({one.payment_id for one in messages}):
            history = self.flow.store.history(name)
            stored[name] = {(one.key, one.kind, one.created_at) for one in history.messages} if history else set()
        for one in messages:
            if (one.key, one.kind, one.created_at) in stored[one.payment_id]:
                signals.send(self.flow, one)
        for name in sorted(payments):
            self.flow.try_prepared(name)

    def forget(self) -> None:
        """Nothing is waiting."""
        self.messages, self.payments = [], set()


def _waiting(session: Any, flow: Flow) -> Waiting:
    """What waits for this session's commit; it is watched from the first time on."""
    known = session.info.get("payflow")
    if known is not None and known.flow is flow:
        return cast(Waiting, known)
    from sqlalchemy import event

    waiting = session.info["payflow"] = Waiting(flow)

    def over(_: Any, transaction: Any) -> None:
        # after_commit comes for every savepoint that is released as well; the end of the outermost one comes once.
        if transaction.parent is not None:
            return
        if waiting.kept:
            waiting.kept = False
            waiting.committed()
        else:
            waiting.forget()

    def kept(one: Any) -> None:
        waiting.kept = not one.in_nested_transaction()

    event.listen(session, "after_commit", kept)
    event.listen(session, "after_transaction_end", over)
    return waiting
