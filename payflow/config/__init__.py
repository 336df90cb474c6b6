"""``payflow.json`` → checked → ready to use.

    config = load("payflow.json")

reading (strict JSON) → shape (schema, overrides, defaults) → meaning (names, amounts, what needs each other) → secret
(fetched, measured, hidden) → settings (frozen records). ``advice`` tells what is allowed but bites in production.
Nothing here loads cryptography: what a key holds is found out by its gateway.
"""

from __future__ import annotations

from .loading import load
from .problems import Problem
from .secret import Secret
from .settings import (
    AccountConfig,
    CallbackConfig,
    Config,
    ContextRetention,
    EffectiveValue,
    HandlerConfig,
    Idempotency,
    StoreConfig,
    Timeouts,
    WorkerConfig,
)

__all__ = [
    "AccountConfig", "CallbackConfig", "Config", "ContextRetention", "EffectiveValue", "HandlerConfig", "Idempotency",
    "Problem", "Secret", "StoreConfig", "Timeouts", "WorkerConfig", "load",
]  # fmt: skip
