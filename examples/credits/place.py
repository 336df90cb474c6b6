"""What the pages of one application share: its wallet, its table, and what is being written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from payflow import Flow, Wallet

from .answers import Answers
from .writing import Writing

NAME = "credits"


@dataclass(frozen=True, slots=True)
class Place:
    """Kept with the application under ``NAME``."""

    flow: Flow
    wallet: Wallet
    answers: Answers
    writing: Writing


def here() -> Place:
    """The place of the application that serves this request."""
    return cast(Place, current_app.extensions[NAME])
