"""``manage.py payflow_reconcile``: short for ``manage.py payflow reconcile``."""

from __future__ import annotations

from .payflow import Command as PayflowCommand


class Command(PayflowCommand):
    """Its words are fixed."""

    help = "Short for: manage.py payflow reconcile"
    words = ("reconcile",)
