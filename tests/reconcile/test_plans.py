"""A bill of a million rows is never walked through for each payment: what is looked up is found by its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from payflow.stores import SqlStore

from .conftest import MakeWorld
from .world import DAY, World

_EXPLAIN = {"SQLite": "explain query plan ", "PostgreSQL": "explain ", "MariaDB": "explain "}


def plan(store: SqlStore, sql: str, parameters: Any) -> str:
    with store._cursor() as cursor:
        rows = store.dialect.run(cursor, _EXPLAIN[store.dialect.name] + sql, parameters).fetchall()
    if store.dialect.name == "MariaDB":
        return "\n".join(f"{row[2]} by {row[5]}" for row in rows)  # the key it takes, not those it could have taken
    return "\n".join(str(row) for row in rows)


def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Every statement about rows of a bill that a run asks."""
    statements: list[tuple[str, Any]] = []
    run: Callable[..., Any] = world.store.dialect.run

    def recording(cursor: Any, sql: str, parameters: Any = ()) -> Any:
        if sql.startswith("select") and "pf_recon_item" in sql:
            statements.append((sql, parameters))
        return run(cursor, sql, parameters)

    monkeypatch.setattr(world.store.dialect, "run", recording)
    world.reconcile()
    monkeypatch.undo()
    return statements


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_rows_are_found_by_trade_or_refund_number(
    kind: str, database: Callable[[str], str], make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(database(kind))
    for number in range(40):
        world.refunded(world.paid(1000 + number), 100)
    world.paid(5, billed=False)
    statements = asked(world, monkeypatch)
    by_refund = [one for one in statements if "o.out_refund_no = i.out_refund_no" in one[0]]
    by_refund += [one for one in statements if "i.out_refund_no = r.out_refund_no" in one[0]]
    by_trade = [one for one in statements if "i.gateway_txn = p.gateway_txn" in one[0]]
    by_trade += [one for one in statements if "where gateway_txn in" in one[0]]
    assert len(by_refund) > 24
    assert len(by_trade) > 24
    for listed, index in ((by_refund, "pf_recon_item_refund"), (by_trade, "pf_recon_item_trade")):
        for sql, parameters in (listed[0], listed[-1]):
            assert index in plan(world.store, sql, parameters), plan(world.store, sql, parameters)
    assert world.found() == [("missing_there", "open", 0, 5)]
    assert DAY.name in world.bills.asked
