"""The declared transition tables, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..machine import Table
from .attempt import ATTEMPT
from .payment import PAYMENT
from .refund import REFUND

#: Every table by the name of what it moves.
TABLES: Mapping[str, Table] = MappingProxyType({"payment": PAYMENT, "refund": REFUND, "attempt": ATTEMPT})

__all__ = ["ATTEMPT", "PAYMENT", "REFUND", "TABLES"]
