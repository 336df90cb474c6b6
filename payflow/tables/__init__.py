"""The tables payflow lives by, declared. What is not listed in them is refused with ``TRANSITION_NOT_ALLOWED``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..machine import Table
from .attempt import ATTEMPT
from .payment import PAYMENT
from .refund import REFUND

#: entity → its table, in the order in which they are shown.
TABLES: Mapping[str, Table] = MappingProxyType({"payment": PAYMENT, "refund": REFUND, "attempt": ATTEMPT})

__all__ = ["ATTEMPT", "PAYMENT", "REFUND", "TABLES"]
