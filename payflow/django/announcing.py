"""After the commit: what was recorded is sent, and who listens is told."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from django.db import transaction

from . import signals
from .store import DjangoStore

if TYPE_CHECKING:
    from ..flow.settling import Settling
    from ..records import Changes


def announce(flow: Settling, changes: Changes) -> None:
    """Called whenever a set was written. Inside the host's transaction it waits for the commit; a savepoint that is
    rolled back takes it along."""
    store = cast(DjangoStore, flow.store)
    for message in changes.messages:
        transaction.on_commit(partial(signals.send, message, store.using), using=store.using)
    if store.joined:
        for payment_id in sorted(changes.prepared()):
            transaction.on_commit(partial(_send, payment_id, store.using), using=store.using)


def _send(payment_id: str, using: str) -> None:
    from .access import base_flow  # which names this module's function for every flow it opens

    base_flow(using).try_prepared(payment_id)
