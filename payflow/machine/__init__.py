"""Declared tables: checked when they are declared, compiled once, looked up.

A table is declared with python-statemachine (:mod:`.declaring`; see ``payflow/tables``), or in JSON by a host
(:mod:`.own`). Both go through the same checks (:mod:`.checking`) and become a :class:`Table`: a plain, immutable
lookup that any number of threads may use. The library itself is loaded only where tables are declared.
"""

from __future__ import annotations

from .own import tables_from_json
from .table import Move, Table

__all__ = ["Move", "Table", "tables_from_json"]
