"""Which of our accounts takes a payment. ``choosing`` asks the rules; ``coverage`` looks at all of them at once."""

from __future__ import annotations

from .choosing import (
    CHANNELS,
    Choice,
    Considered,
    Explanation,
    Predicate,
    RouteFacts,
    Router,
    Rule,
    Scalar,
    why_not,
)
from .coverage import Area, Finding, analyse, unable

__all__ = [
    "CHANNELS", "Area", "Choice", "Considered", "Explanation", "Finding", "Predicate", "RouteFacts", "Router", "Rule",
    "Scalar", "analyse", "unable", "why_not",
]  # fmt: skip
