"""What a callback costs in a full database against an almost empty one, and how long the doctor takes there."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from payflow.doctor import examine
from payflow.tables import TABLES

from .material import AlipayDesk
from .measuring import Figure, Job, Scale, compare
from .world import World


def volume_sqlite(scale: Scale) -> list[Figure]:
    """Two SQLite files, one filled with a thousand payments and one with a million."""
    few, many = scale.stored
    cost = Figure(
        "volume_sqlite", f"SQLite: cost of a callback at {many:,} stored payments against {few:,}", 1.2, at_most=True
    )
    with tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        desk = AlipayDesk()
        small = World.open(f"sqlite:///{Path(folder) / 'few.db'}", desk)
        large = World.open(f"sqlite:///{Path(folder) / 'many.db'}", desk)
        try:
            small.fill(few)
            began = time.perf_counter()
            large.fill(many)
            size = (Path(folder) / "many.db").stat().st_size / 2**20
            cost.notes.append(f"loaded {many:,} payments in {time.perf_counter() - began:.0f} s; {size:,.0f} MB")
            _compared(cost, scale, small, large)
            return [cost, _doctor(large, many)]
        finally:
            small.close()
            large.close()


def _compared(figure: Figure, scale: Scale, small: World, large: World) -> Figure:
    """Raw is the small database here, payflow's the large one; the ratio is of costs, so it is turned over."""

    def prepare(_round: int) -> tuple[Job, Job]:
        return _job(small, scale.callbacks), _job(large, scale.callbacks)

    compare(figure, scale.rounds, prepare)
    figure.ratios = [1 / ratio for ratio in figure.ratios]
    figure.notes.append("'raw' is the rate in the small database, 'payflow' that in the large one")
    return figure


def _job(world: World, number: int) -> Job:
    callbacks = world.callbacks(number)

    def job() -> int:
        for callback in callbacks:
            assert world.flow.receive(callback).body == b"success"
        return number

    return job


def _doctor(world: World, stored: int) -> Figure:
    """Every invariant query over the large database, once, in seconds; anything found is a mistake of the loader."""
    figure = Figure("doctor_sqlite", f"payflow doctor over {stored:,} payments, in seconds", 60, at_most=True, unit="s")
    began = time.perf_counter()
    findings = list(examine(world.store, TABLES))  # type: ignore[arg-type]  # every store of payflow's own can select
    took = time.perf_counter() - began
    broken = [f"{finding.invariant.number}: {finding.rows[:3]}" for finding in findings if finding.rows]
    assert not broken, broken
    slowest = sorted(findings, key=lambda finding: -finding.seconds)[:4]
    figure.notes.append("slowest: " + ", ".join(f"{one.invariant.number} {one.seconds:.1f} s" for one in slowest))
    figure.ratios, figure.raw, figure.ours = [took], [took], [took]
    return figure
