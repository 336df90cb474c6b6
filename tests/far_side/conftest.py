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


class Shared:
    """One world for many drills, each with payments of its own; another one after a drill that went wrong."""

    def __init__(self, folder: Path, material: Material) -> None:
        self._folder, self._material, self._made = folder, material, 0
        self._world: World | None = None

    def world(self) -> World:
        if self._world is not None and not _sound(self._world):
            self.stop()
        if self._world is None:
            self._made += 1
            folder = self._folder / str(self._made)
            folder.mkdir()
            patience = {"timeouts": {"connect_seconds": 0.5, "read_seconds": 0.4, "total_seconds": 2}}
            self._world = World(folder, self._material, patience)
        return self._world

    def stop(self) -> None:
        if self._world is not None:
            self._world.stop()
            self._world = None


def _sound(world: World) -> bool:
    try:
        world.calm(50)
        world.agree()
    except AssertionError:
        return False
    return True


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory, material: Material) -> Iterator[Shared]:
    shared = Shared(tmp_path_factory.mktemp("shared"), material)
    yield shared
    shared.stop()


@pytest.fixture
def drill(_shared: Shared) -> World:
    """A world that other drills have used; its gateways are not waited for for long."""
    return _shared.world()
