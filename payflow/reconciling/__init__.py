"""Reconciling: a day's bill against payments and ledger. The doing; what a difference is decides ``payflow.reconcile``.

``turns`` (one runner at a time, every write fenced) · ``importing`` (the bill, staged, believed at its end) ·
``matching`` (both sides, batch by batch) · ``healing`` (asking, stating, incidents) · ``reconciler`` (all of it).
"""

from __future__ import annotations

from .reconciler import Reconciler, Standing
from .turns import Progress, Turn

__all__ = ["Progress", "Reconciler", "Standing", "Turn"]
