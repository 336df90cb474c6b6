"""How things are timed here: raw and payflow turn by turn in the same run, medians of the turns, ratios between them.

A figure is a ratio of two rates measured within seconds of each other on one machine; only that travels to another
machine. Absolute rates are printed so that a reader can see what the ratio is made of.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Job = Callable[[], int]  # does its work and says how many pieces it did
Jobs = Sequence[Job]  # one half of a round, in slices
SLICES = 12


@dataclass(frozen=True, slots=True)
class Scale:
    """How much work a run does."""

    rounds: int
    callbacks: int  # per half of a round
    stored: tuple[int, int]  # payments in the database for the figure on volume: few, many
    verifications: int


FULL = Scale(rounds=7, callbacks=600, stored=(1_000, 1_000_000), verifications=2_000)
QUICK = Scale(rounds=3, callbacks=200, stored=(1_000, 20_000), verifications=500)


@dataclass(slots=True)
class Figure:
    """One promised ratio, and what came of it."""

    name: str
    says: str
    target: float
    at_most: bool = False  # the ratio must not be above its target (costs), instead of not below it (rates)
    ratios: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    unit: str = "callbacks/s"
    notes: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def holds(self) -> bool:
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target

    def as_dict(self) -> dict[str, object]:
        return {
            "name": self.name, "says": self.says, "target": self.target, "at_most": self.at_most,
            "ratio": round(self.ratio, 3), "holds": self.holds, "unit": self.unit,
            "raw": round(statistics.median(self.raw), 2), "ours": round(statistics.median(self.ours), 2),
            "ratios": [round(one, 3) for one in self.ratios], "notes": self.notes,
        }  # fmt: skip

    def text(self) -> str:
        sign = "<=" if self.at_most else ">="
        ours, raw = statistics.median(self.ours), statistics.median(self.raw)
        head = (
            f"{'ok  ' if self.holds else 'MISS'} {self.name:<22} {self.ratio:6.2f}  (wanted {sign} {self.target:.2f})"
        )
        rounds = " ".join(f"{one:.2f}" for one in self.ratios)
        lines = [
            f"{head}   payflow {ours:>9,.0f}  raw {raw:>9,.0f}  {self.unit}",
            f"     {self.says}; per round: {rounds}",
        ]
        return "\n".join([*lines, *(f"     {note}" for note in self.notes)])


def compare(
    figure: Figure,
    rounds: int,
    prepare: Callable[[int], tuple[Jobs, Jobs]],
    clock: Callable[[], float] = time.perf_counter,
) -> Figure:
    """Fill ``figure``: each round prepares fresh work for both halves, cut into slices, and times them in turns.

    Raw and payflow take turns slice by slice, so that whatever else the machine does meanwhile hits both.
    The first round warms both up and is not counted. What only computes is timed by ``time.process_time``, so that
    whoever else uses the machine does not count at all.
    """
    for number in range(rounds + 1):
        raw_rate, our_rate = _in_turns(*prepare(number), clock, raw_first=number % 2 == 0)
        if number:
            figure.raw.append(raw_rate)
            figure.ours.append(our_rate)
            figure.ratios.append(our_rate / raw_rate)
    return figure


def _in_turns(raw: Jobs, ours: Jobs, clock: Callable[[], float], *, raw_first: bool) -> tuple[float, float]:
    """Pieces per second of both halves.

    The garbage of the preparation is not their cost, nor is walking through the prepared work again and again: what
    lives now is kept out of collections meanwhile.
    """
    gc.collect()
    gc.freeze()
    halves = [(0, raw), (1, ours)] if raw_first else [(1, ours), (0, raw)]
    done, took = [0, 0], [0.0, 0.0]
    for slice_number in range(max(len(raw), len(ours))):
        for half, jobs in halves:
            if slice_number < len(jobs):
                began = clock()
                done[half] += jobs[slice_number]()
                took[half] += clock() - began
    gc.unfreeze()
    return done[0] / took[0], done[1] / took[1]


def in_sets(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """``items`` cut into sets of ``size``."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def slices(items: Sequence[Item], work: Callable[[Sequence[Item]], int], number: int = SLICES) -> list[Job]:
    """``work`` on ``items``, cut into about ``number`` jobs."""
    return [partial(work, part) for part in in_sets(items, max(1, -(-len(items) // number)))]


def machine() -> dict[str, str]:
    """What this was measured on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "load before": " ".join(f"{one:.2f}" for one in os.getloadavg()),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
