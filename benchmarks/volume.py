"""What a callback costs in a full database against an almost empty one, and how long the doctor takes there."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from payflow.doctor import examine
from payflow.tables import TABLES
from payflow.testing.services import fresh_database

from .material import AlipayDesk
from .measuring import Figure, Jobs, Scale, compare, in_sets, slices
from .servers import postgres_server
from .world import World

SET = 100


def volume_sqlite(scale: Scale) -> list[Figure]:
    """Two SQLite files, one filled with a thousand payments and one with a million."""
    with tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        urls = (f"sqlite:///{Path(folder) / 'few.db'}", f"sqlite:///{Path(folder) / 'many.db'}")
        return _volume("sqlite", "SQLite", urls, scale)


def volume_postgres(scale: Scale) -> list[Figure]:
    """The same with two databases on one PostgreSQL server."""
    with postgres_server() as server:
        return _volume("postgres", "PostgreSQL", (fresh_database(server), fresh_database(server)), scale)


def _volume(name: str, where: str, urls: tuple[str, str], scale: Scale) -> list[Figure]:
    few, many = scale.stored
    desk = AlipayDesk()
    small, large = World.open(urls[0], desk), World.open(urls[1], desk)
    try:
        small.fill(few)
        began = time.perf_counter()
        large.fill(many)
        loaded = f"loaded {many:,} payments in {time.perf_counter() - began:.0f} s"
        says = f"{where}: cost of a callback at {many:,} stored payments against {few:,}"
        single = Figure(f"volume_{name}", f"{says}, one by one", 1.2, at_most=True, notes=[loaded])
        sets = Figure(f"volume_{name}_sets", f"{says}, in sets of {SET}", 1.2, at_most=True)
        return [
            _compared(single, scale, small, large, 1),
            _compared(sets, scale, small, large, SET),
            _doctor(name, large, many),
        ]
    finally:
        small.close()
        large.close()


def _compared(figure: Figure, scale: Scale, small: World, large: World, size: int) -> Figure:
    """Raw is the small database here, payflow's the large one; the ratio is of costs, so it is turned over."""

    def prepare(_round: int) -> tuple[Jobs, Jobs]:
        return _jobs(small, scale.callbacks, size), _jobs(large, scale.callbacks, size)

    compare(figure, scale.rounds, prepare)
    figure.ratios = [1 / ratio for ratio in figure.ratios]
    figure.notes.append("'raw' is the rate in the small database, 'payflow' that in the large one")
    return figure


def _jobs(world: World, number: int, size: int) -> Jobs:
    callbacks = world.callbacks(number)
    return slices(callbacks, world.receive) if size == 1 else slices(in_sets(callbacks, size), world.receive_sets)


def _doctor(name: str, world: World, stored: int) -> Figure:
    """Every invariant query over the large database, once, in seconds; anything found is a mistake of the loader."""
    figure = Figure(
        f"doctor_{name}", f"payflow doctor over {stored:,} payments, in seconds", 60, at_most=True, unit="s"
    )
    began = time.perf_counter()
    findings = list(examine(world.store, TABLES))  # type: ignore[arg-type]  # every store of payflow's own can select
    took = time.perf_counter() - began
    broken = [f"{finding.invariant.number}: {finding.rows[:3]}" for finding in findings if finding.rows]
    assert not broken, broken
    slowest = sorted(findings, key=lambda finding: -finding.seconds)[:5]
    figure.notes.append("slowest: " + ", ".join(f"{one.invariant.number} {one.seconds:.1f} s" for one in slowest))
    figure.ratios, figure.raw, figure.ours = [took], [took], [took]
    return figure
