"""Verified callbacks applied per second on SQLite, against raw ``sqlite3`` writing the same rows into the same file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .measuring import Figure, Jobs, Scale, compare, in_sets, slices
from .raw import RawSqlite, pieces
from .world import World, decided

SET = 100


def sqlite_single(scale: Scale) -> Figure:
    return _compared(
        Figure("sqlite_single", "SQLite, callbacks one by one: flow.receive against raw sqlite3 one by one", 0.5),
        scale,
        1,
    )


def sqlite_sets(scale: Scale) -> Figure:
    return _compared(
        Figure("sqlite_sets", "SQLite, sets of 100: flow.receive_many against raw sqlite3 in sets of 100", 0.4),
        scale,
        SET,
    )


def _compared(figure: Figure, scale: Scale, size: int) -> Figure:
    number = scale.callbacks if size == 1 else max(SET, scale.callbacks * 4 // SET * SET)
    with tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        world = World.open(f"sqlite:///{Path(folder) / 'bench.db'}")
        raw = RawSqlite(world)
        figure.notes.append("both: " + ", ".join(f"{name}={value}" for name, value in raw.settings.items()))

        def prepare(_round: int) -> tuple[Jobs, Jobs]:
            work = pieces(decided(world, world.callbacks(number)))
            callbacks = world.callbacks(number)
            if size == 1:
                return slices(work, raw.one_by_one), slices(callbacks, world.receive)
            return slices(in_sets(work, size), raw.in_sets), slices(in_sets(callbacks, size), world.receive_sets)

        try:
            return compare(figure, scale.rounds, prepare)
        finally:
            raw.close()
            world.close()
