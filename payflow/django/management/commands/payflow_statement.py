"""``manage.py payflow_statement``: short for ``manage.py payflow statement``."""

from __future__ import annotations

from .payflow import Command as PayflowCommand


class Command(PayflowCommand):
    """Its words are fixed."""

    help = "Short for: manage.py payflow statement"
    words = ("statement",)
