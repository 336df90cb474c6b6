"""A ledger in a database of its own: what each of the two databases does for the other.

The ledger's database takes *branches*: transactions that are prepared there and end as the payments' database has
decided. The payments' database keeps the *decisions*.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

from ..errors import StoreConflict
from ..records import Changes, Decision, Origin
from ..store import Facts, Wants
from .connections import outcome_unknown
from .reading import Reading
from .rows import insert, record_of, row_of, select
from .schema import DECISION, ORIGIN
from .writing import Writing

COMMIT, ABORT = "commit", "abort"
_PAYMENTS = "payments"


class Branch:
    """One transaction in the ledger's database, from its beginning to whatever end it is told."""

    def __init__(self, reading: Reading, connection: Any, cursor: Any, gid: str) -> None:
        self.gid = gid
        self.accounts: set[str] = set()  # whose credit it moves
        self.wrote = False
        self._reading = reading
        self._dialect = reading.dialect
        self._connection = connection
        self._cursor = cursor
        self.ended = False

    def gather(self, wants: Wants) -> Facts:
        """Read inside it; the accounts are locked as they are read."""
        return self._reading.gather(wants)

    def write(self, changes: Changes) -> None:
        """Write inside it; ``StoreConflict`` if anything is no longer as it was read."""
        self.accounts |= changes.accounts.keys()
        self.wrote = True
        self._dialect.write(self._cursor, changes)

    def prepare(self) -> Decision:
        """From now on it can be committed, whatever breaks; the decision that would say so."""
        self._dialect.prepare(self._cursor, self.gid)
        self.ended = True  # not by us any more: its end is decided elsewhere
        return Decision(gid=self.gid, verdict=COMMIT, accounts=json.dumps(sorted(self.accounts)), at=_now())

    def commit_alone(self) -> None:
        """Commit it without having prepared it."""
        try:
            self._dialect.commit_alone(self._cursor, self.gid)
        except Exception as error:
            if self._dialect.conflict(error) or self._dialect.code_of(error) != "STORE_UNAVAILABLE":
                raise
            raise outcome_unknown() from error
        if not self._dialect.committed(self._cursor):
            raise StoreConflict
        self.ended = True

    def end(self, *, commit: bool) -> None:
        """End it, once it is prepared."""
        self._dialect.end_prepared(self._cursor, self.gid, commit=commit)

    def leave(self) -> None:
        """Leave it prepared, for whoever learns how it ends."""
        self._dialect.detach(self._connection)


class Branching(Writing, Reading):
    """The part of a store that takes part in a commit over two databases."""

    # -- the ledger's database ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def branch(self, gid: str) -> Iterator[Branch]:
        """A branch; committed alone at the end of the ``with`` block where that has not ended or prepared it, rolled
        back by any error before."""
        with self._connection() as connection:
            cursor = self.dialect.cursor(connection)
            self.dialect.begin_branch(cursor, gid)
            inner = type(self)(self.dialect, self._pool, connection=connection)
            inner._checked = True
            branch = Branch(inner, connection, cursor, gid)
            yield branch
            if not branch.ended:
                branch.commit_alone()

    def branches(self, prefix: str) -> list[str]:
        """The names of the branches that are prepared and not ended, the oldest first."""
        with self._cursor() as cursor:
            return self.dialect.prepared(cursor, prefix)

    def end_branch(self, gid: str, *, commit: bool) -> bool:
        """End a prepared branch; False if there is none of that name (any more). ``StoreConflict`` while somebody else
        has it in hand."""
        with self._cursor() as cursor:
            return self.dialect.end_prepared(cursor, gid, commit=commit)

    def check_two_phase(self) -> str:
        """The database's name; ``STORE_NO_TWO_PHASE`` where nothing can be prepared."""
        with self._cursor() as cursor:
            self.dialect.check_two_phase(cursor)
            return self.dialect.database(cursor)

    # -- the payments' database ---------------------------------------------------------------------------------

    def decisions(self) -> list[Decision]:
        """What was decided to be committed and may not be yet, oldest first."""
        with self._cursor() as cursor:
            sql = f"{select(DECISION)}verdict = 'commit' order by gid"
            return [record_of(Decision, row) for row in self.dialect.run(cursor, sql).fetchall()]

    def verdict(self, gid: str) -> str | None:
        """How a branch ends; ``None`` if that is not decided."""
        with self._cursor() as cursor:
            found = self.dialect.run(cursor, "select verdict from pf_decision where gid = ?", (gid,)).fetchall()
        return str(found[0][0]) if found else None

    def decide_abort(self, gid: str) -> bool:
        """Decide that a branch is rolled back: its writer can never commit from now on. False if it is decided
        otherwise, or may be by a transaction that is still going on."""
        try:
            self.write(Changes(decisions=[Decision(gid=gid, verdict=ABORT, accounts="[]", at=_now())]))
        except StoreConflict:
            return False
        return True

    def forget_decision(self, gid: str) -> None:
        """What is committed needs no decision any more. Aborts are kept for ever: a late writer may still come."""
        with self.dialect.turn(), self._cursor() as cursor:
            self.dialect.run(cursor, "delete from pf_decision where gid = ? and verdict = 'commit'", (gid,))

    def origin(self) -> str:
        """Which payments these are, for ever; made by the first who asks."""
        known = self._known_origin()
        if known is None:
            made = Origin(name=_PAYMENTS, id=secrets.token_hex(8), at=_now())
            with contextlib.suppress(StoreConflict), self._whole() as (_, cursor):
                self.dialect.run(cursor, insert(ORIGIN), row_of(made))
            known = self._known_origin()
        if known is None:
            raise StoreConflict("The payments' database is busy: it could not be given its name")
        return known

    def _known_origin(self) -> str | None:
        with self._cursor() as cursor:
            rows = self.dialect.run(cursor, "select id from pf_origin where name = ?", (_PAYMENTS,)).fetchall()
        return str(rows[0][0]) if rows else None


def branch_prefix(origin: str, database: str) -> str:
    """How the names of our branches begin: servers list those of all their databases, and several hosts may keep
    their credit in one."""
    return f"payflow:{hashlib.sha256(f'{origin}/{database}'.encode()).hexdigest()[:12]}:"


def branch_name(prefix: str) -> str:
    """A new branch's name; the order of the names is that of time."""
    return f"{prefix}{_now():014x}:{secrets.token_hex(4)}"


def age(gid: str) -> int:
    """How long ago a branch was named, in microseconds."""
    return _now() - int(gid.split(":")[2], 16)


def _now() -> int:
    return time.time_ns() // 1000
