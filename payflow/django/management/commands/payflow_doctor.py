"""``manage.py payflow_doctor``: short for ``manage.py payflow doctor``."""

from __future__ import annotations

from .payflow import Command as PayflowCommand


class Command(PayflowCommand):
    """Its words are fixed."""

    help = "Short for: manage.py payflow doctor"
    words = ("doctor",)
