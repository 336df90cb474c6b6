"""``manage.py payflow_refill``: short for ``manage.py payflow refill``."""

from __future__ import annotations

from .payflow import Command as PayflowCommand


class Command(PayflowCommand):
    """Its words are fixed."""

    help = "Short for: manage.py payflow refill"
    words = ("refill",)
