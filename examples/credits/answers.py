"""The chat's own table: what was asked, what was answered, and which hold paid for it.

It lies in the wallet's database, so that an answer and its credit are one transaction of ours that the wallet joins.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

_SCHEMA = """
create table if not exists visitor (owner text primary key, first_seen_at integer not null) strict;
create table if not exists answer (
    id text primary key, owner text not null, key text not null, question text not null, text text not null,
    read integer not null, written integer not null, cost integer not null, held integer not null,
    hold_id text not null, status text not null, asked_at integer not null, until integer not null,
    unique (owner, key)
) strict;
create index if not exists answer_by_owner on answer (owner, asked_at);
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """``status``: writing, done, stopped, or lost (its process died, or its time was over: the hold was freed).

    ``held`` is what was held for it, ``cost`` what it came to; ``until`` is when its hold is freed by itself.
    """

    id: str
    owner: str
    key: str
    question: str
    text: str
    read: int
    written: int
    cost: int
    held: int
    hold_id: str
    status: str
    asked_at: int
    until: int

    def at(self, now: int) -> str:
        """Its status at an instant: nobody writes on once the hold has been freed."""
        return "lost" if self.status == "writing" and self.until <= now else self.status


_COLUMNS = ", ".join(field.name for field in fields(Answer))
_PLACES = ", ".join("?" for _ in fields(Answer))


class Answers:
    """The table in a SQLite file. Connections are opened for each use; threads and processes share nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as connection:
            connection.executescript(_SCHEMA)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=20, isolation_level=None)
        try:
            connection.execute("pragma synchronous=full")
            yield connection
        finally:
            connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction for the wallet to join: everything in it commits, or nothing."""
        with self._opened() as connection:
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    # -- inside a transaction -----------------------------------------------------------------------------------

    @staticmethod
    def by_key(connection: sqlite3.Connection, owner: str, key: str) -> Answer | None:
        """What this owner asked with this key."""
        row = connection.execute(f"select {_COLUMNS} from answer where owner = ? and key = ?", (owner, key)).fetchone()
        return None if row is None else Answer(*row)

    @staticmethod
    def add(connection: sqlite3.Connection, answer: Answer) -> None:
        """A new answer."""
        connection.execute(f"insert into answer values ({_PLACES})", astuple(answer))

    @staticmethod
    def end(connection: sqlite3.Connection, answer: Answer) -> None:
        """How an answer ended; one that ended before stays as it is."""
        connection.execute(
            "update answer set text = ?, written = ?, cost = ?, status = ? where id = ? and status = 'writing'",
            (answer.text, answer.written, answer.cost, answer.status, answer.id),
        )

    @staticmethod
    def greet(connection: sqlite3.Connection, owner: str, now: int) -> None:
        """Somebody asks or buys for the first time."""
        connection.execute("insert into visitor values (?, ?) on conflict do nothing", (owner, now))

    # -- reading ------------------------------------------------------------------------------------------------

    def one(self, answer_id: str) -> Answer | None:
        """An answer."""
        found = self._read("id = ?", (answer_id,))
        return found[0] if found else None

    def newest(self, owner: str, limit: int) -> list[Answer]:
        """An owner's newest answers, oldest first."""
        return self._read("owner = ? order by asked_at desc, id desc limit ?", (owner, limit))[::-1]

    def of_holds(self, holds: Sequence[str]) -> dict[str, Answer]:
        """The answers that these holds paid for."""
        places = ", ".join("?" for _ in holds)
        return {answer.hold_id: answer for answer in self._read(f"hold_id in ({places})", tuple(holds))}

    def done_since(self, owner: str, since: int) -> list[Answer]:
        """An owner's finished answers of ``since`` and later."""
        return self._read("owner = ? and asked_at >= ? and status = 'done' order by asked_at", (owner, since))

    def visitors(self, limit: int) -> list[str]:
        """Owners, those who came last first."""
        with self._opened() as connection:
            rows = connection.execute("select owner from visitor order by first_seen_at desc limit ?", (limit,))
            return [row[0] for row in rows.fetchall()]

    def _read(self, where: str, values: tuple[object, ...]) -> list[Answer]:
        with self._opened() as connection:
            return [Answer(*row) for row in connection.execute(f"select {_COLUMNS} from answer where {where}", values)]
