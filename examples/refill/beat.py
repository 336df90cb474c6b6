"""Refills by Celery beat: ``celery -A examples.refill.beat worker -B``.

The task carries nothing and keeps nothing: what is due stands in the database, so a task that is lost, doubled or run
twice at once changes nothing. It is acknowledged late, so that a worker that dies has its task given to another.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import payflow
from payflow.wallet.refilling import RunReport

try:
    from celery import Celery, shared_task  # type: ignore[import-untyped]  # it brings no types
except ImportError as error:
    raise SystemExit("This example needs Celery: pip install celery") from error

#: How many sets of 500 one task does before it lets others have their turn; the next beat goes on.
SETS = 200

app = Celery("shop", broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0"))
app.conf.beat_schedule = {"refill": {"task": "payflow.refill", "schedule": 300.0}}


@cache
def wallet() -> payflow.Wallet:
    """One wallet for each process: keys are parsed and the schema is checked once."""
    return payflow.open_wallet(payflow.open(os.environ.get("PAYFLOW_CONFIG", "payflow.json")))


def grant_what_is_due(refills: Any, sets: int = SETS) -> RunReport:
    """Do up to so many sets; what they did."""
    report = RunReport()
    for _ in range(sets):
        if not refills.step(report):
            break
    return report


@shared_task(name="payflow.refill", acks_late=True, reject_on_worker_lost=True, ignore_result=True)  # type: ignore[untyped-decorator]
def refill() -> None:
    """Grant every refill that is due."""
    grant_what_is_due(wallet().refills)
