"""What two databases say of the same thing, side by side in a file that is thrown away: for queries over both."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator

from .pool import Pool
from .reading import Reading
from .rows import insert, select
from .schema import INCIDENT, JOURNAL, OF_A_PAYMENT, PAYMENT, REFUND, TableSchema
from .sql import SqlStore
from .sqlite import SQLite

_PAGE = 5000
#: What credit and payments know of each other; the key of each of these tables is its id.
_OF_PAYMENTS = ((PAYMENT, "credit <> ''"), (REFUND, "credit > 0"), (INCIDENT, "kind = 'credit_undeliverable'"))
_OF_LEDGER = ((JOURNAL, f"({OF_A_PAYMENT} or account = '')"),)


@contextlib.contextmanager
def side_by_side(payments: Reading, ledger: Reading) -> Iterator[SqlStore]:
    """A store with what either side has of top-ups and their refunds, the ledger's as of a later moment."""
    with tempfile.TemporaryDirectory(prefix="payflow-") as folder:
        dialect = SQLite(f"{folder}/beside.db", 5)
        store = SqlStore(dialect, Pool(dialect, size=1, timeout=30))
        store.migrate()
        try:
            for source, parts in ((payments, _OF_PAYMENTS), (ledger, _OF_LEDGER)):
                for table, which in parts:
                    _copy(source, store, table, which)
            yield store
        finally:
            store.close()


def _copy(source: Reading, to: SqlStore, table: TableSchema, which: str) -> None:
    sql, after = f"{select(table)}{which} and id > ? order by id limit {_PAGE}", ""
    place = table.columns.index("id")
    while True:
        with source._cursor() as cursor:
            rows = source.dialect.run(cursor, sql, (after,)).fetchall()
        if not rows:
            return
        after = rows[-1][place]
        with to._whole() as (_, cursor):
            to.dialect.run_many(cursor, insert(table), rows)
