"""``manage.py payflow_trace``: short for ``manage.py payflow trace``."""

from __future__ import annotations

from .payflow import Command as PayflowCommand


class Command(PayflowCommand):
    """Its words are fixed."""

    help = "Short for: manage.py payflow trace"
    words = ("trace",)
