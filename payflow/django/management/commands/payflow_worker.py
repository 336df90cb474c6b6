"""``manage.py payflow_worker``: short for ``manage.py payflow worker``."""

from __future__ import annotations

from .payflow import Command as PayflowCommand


class Command(PayflowCommand):
    """Its words are fixed."""

    help = "Short for: manage.py payflow worker"
    words = ("worker",)
