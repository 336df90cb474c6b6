"""After the commit: what was recorded is sent, and who listens is told."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, cast

from django.db import transaction

from ..errors import PayflowError
from . import signals
from .store import DjangoStore

if TYPE_CHECKING:
    from ..flow.settling import Settling
    from ..records import Changes

logger = logging.getLogger("payflow.django")


def announce(flow: Settling, changes: Changes) -> None:
    """Called whenever a set was written. Inside the host's transaction it waits for the commit; a savepoint that is
    rolled
    back takes it along."""
    store = cast(DjangoStore, flow.store)
    for message in changes.messages:
        transaction.on_commit(partial(signals.send, message, store.using), using=store.using)
    if store.joined:
        prepared = {one.payment_id for _, one in changes.attempts.values() if one.status == "prepared"}
        for payment_id in sorted(prepared):
            transaction.on_commit(partial(_perform, payment_id, store.using), using=store.using)


def _perform(payment_id: str, using: str) -> None:
    """Send what a joined call has recorded. Whatever goes wrong, it is recorded: the worker sends it."""
    from .access import base_flow

    try:
        base_flow(using).perform_prepared(payment_id)
    except PayflowError as error:
        logger.warning("%s could not be sent after the commit (%s); the worker does it", payment_id, error.code)
    except Exception:
        logger.exception("%s could not be sent after the commit; the worker does it", payment_id)
