"""Handlers that the commands' config names."""

from __future__ import annotations

import os
from pathlib import Path

from payflow import Message, Transaction


def note(message: Message, transaction: Transaction) -> None:
    """One line per message; refuses while the file named by ``HOOKS_BROKEN`` is there."""
    if Path(os.environ["HOOKS_BROKEN"]).exists():
        raise RuntimeError("the kitchen is closed")
    with Path(os.environ["HOOKS_FILE"]).open("a") as file:
        file.write(f"{message.kind}\n")
