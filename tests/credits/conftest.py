"""A chat for each test; the invariants hold after every one, and every chain is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from payflow.doctor import broken

from .world import Chat, Visitor


@pytest.fixture
def make_chat(tmp_path: Path) -> Iterator[Callable[..., Chat]]:
    chats: list[Chat] = []

    def make(**settings: Any) -> Chat:
        chats.append(Chat(tmp_path, **settings))
        return chats[-1]

    yield make
    for chat in chats:
        chat.place.writing.close()
        findings = broken(chat.flow.store)
        chat.close()
        assert not findings, "\n".join(f"{f.invariant.number} {f.invariant.says}: {f.rows}" for f in findings)


@pytest.fixture
def chat(make_chat: Callable[..., Chat]) -> Chat:
    """One whose words come at once."""
    return make_chat()


@pytest.fixture
def slow(make_chat: Callable[..., Chat]) -> Chat:
    """One whose words take their time, so that an answer can be looked at and stopped."""
    return make_chat(pause=0.05)


@pytest.fixture
def visitor(chat: Chat) -> Visitor:
    return chat.visitor()
