"""Worlds whose invariants hold at the end of every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    worlds: list[World] = []

    def make(url: str = "", **how: Any) -> World:
        worlds.append(World(url or f"sqlite:///{tmp_path}/pf{len(worlds)}.db", **how))
        return worlds[-1]

    yield make
    for world in worlds:
        world.holds()
        world.store.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
