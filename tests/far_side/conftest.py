from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from payflow.sandbox import Material

from .world import World

MakeWorld = Callable[..., World]

#: So few that looking at everything after each of them stays cheap.
DRILLS_OF_ONE_WORLD = 15


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between the turns of one call, which have tests of their own, are not waited for here."""
    monkeypatch.setattr("payflow.transport.calling._PAUSE_SECONDS", 0.01)


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
    """One world for some drills, each with payments of its own; another one after a drill that went wrong."""

    def __init__(self, folder: Path, material: Material, patience: float, **how: Any) -> None:
        self._folder, self._material, self._patience, self._how = folder, material, patience, how
        self._made = self._used = self._failed = 0
        self._world: World | None = None

    def world(self, failed: int) -> World:
        if self._used == DRILLS_OF_ONE_WORLD or failed != self._failed:
            self.stop()
        if self._world is None:
            self._made, self._used, self._failed = self._made + 1, 0, failed
            folder = self._folder / str(self._made)
            folder.mkdir()
            waits = {"connect_seconds": 0.5, "read_seconds": self._patience, "total_seconds": self._patience * 4}
            self._world = World(folder, self._material, {"timeouts": waits}, **self._how)
        self._used += 1
        return self._world

    def stop(self) -> None:
        if self._world is not None:
            self._world.stop()
            self._world = None


@pytest.fixture(scope="module")
def _shared(
    tmp_path_factory: pytest.TempPathFactory, material: Material, request: pytest.FixtureRequest
) -> Iterator[Shared]:
    shared = Shared(tmp_path_factory.mktemp("shared"), material, getattr(request.module, "PATIENCE", 2.0))
    yield shared
    shared.stop()


@pytest.fixture
def drill(_shared: Shared, request: pytest.FixtureRequest) -> World:
    """A world that other drills have used. ``PATIENCE`` of a module: how many seconds it waits for an answer."""
    return _shared.world(request.session.testsfailed)
