"""A handler of a Flask host: it finds its app wherever it is called."""

from __future__ import annotations

from flask import current_app

from payflow import Message, Transaction


def note(message: Message, transaction: Transaction) -> None:
    """Remember what was told, with the app."""
    assert transaction.connection is not None
    current_app.extensions.setdefault("told", []).append(message.kind)
