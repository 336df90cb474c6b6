"""The hall as a process: it dies at a bad moment and goes on, and it needs no server but Django's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from payflow.testing.services import free_port

from .conftest import Visitor, becomes, payment_of, pays
from .process import Hall, open_hall

#: Neither waitress nor Flask is installed.
BARE = (
    "import runpy, sys; sys.modules |= {'waitress.server': None, 'werkzeug.serving': None, 'flask': None}; "
    "runpy.run_module('examples.django_shop', run_name='__main__')"
)


@pytest.fixture
def opened() -> Iterator[list[Hall]]:
    """What a test opens; none of it outlives the test."""
    halls: list[Hall] = []
    yield halls
    for hall in halls:
        hall.process.kill()
        hall.process.wait(20)


def test_a_hall_that_is_killed_right_after_the_payment_goes_on_where_it_was(tmp_path: Path, opened: list[Hall]) -> None:
    port = str(free_port())
    opened.append(first := open_hall(tmp_path, PORT=port))
    visitor = Visitor(first)
    number = visitor.order("night-piano", 2, "wechat")
    pays(first, number, "wechat")
    first.process.kill()
    first.process.wait(20)
    opened.append(second := open_hall(tmp_path, command=("-c", BARE), PORT=port))
    assert second.address == first.address
    becomes(second, number, "ready", seconds=60)  # what the first one had begun is its own for twelve seconds
    assert payment_of(second, number)[1] == "paid"
    assert second.one("select count(*) from hall_ticket") == 2
    assert 'data-state="ready"' in visitor.get(f"/orders/{number}/").text  # whose session is still known
    assert second.password != first.password
    assert second.stop() == 0, "".join(second.lines)
    assert not [line for line in second.lines if "Traceback" in line], "".join(second.lines)
