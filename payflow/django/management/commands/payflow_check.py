"""``manage.py payflow_check``: short for ``manage.py payflow check``."""

from __future__ import annotations

from .payflow import Command as PayflowCommand


class Command(PayflowCommand):
    """Its words are fixed."""

    help = "Short for: manage.py payflow check"
    words = ("check",)
