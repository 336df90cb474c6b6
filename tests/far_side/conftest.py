from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from payflow.sandbox import Material

from .world import World

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def material() -> Material:
    """Keys of every far side of this run; making them takes longest."""
    return Material()


@pytest.fixture
def make_world(tmp_path: Path, material: Material) -> Iterator[MakeWorld]:
    worlds: list[World] = []

    def make(config: Any = None, **how: Any) -> World:
        folder = tmp_path / f"shop{len(worlds)}"
        folder.mkdir()
        worlds.append(World(folder, material, config, **how))
        return worlds[-1]

    yield make
    for world in worlds:
        world.stop()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
