"""A Redis that holds something else under our names opens no circuit and stops no payment."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.breaker import Breakers, RedisBreakerStore, State


class Holds:
    """A Redis client that always finds the same."""

    def __init__(self, found: bytes) -> None:
        self._found = found

    def register_script(self, _text: str) -> Any:
        return lambda **_: 1

    def get(self, _key: str) -> bytes:
        return self._found


@pytest.mark.parametrize(
    "found",
    [b"", b"null", b"\xff\xfe", b"[1e999,1,1,[]]", b"[0,1e999,1,[]]", b"[0,1,NaN,[]]", b"[0,1,1,[[1]]]", b"{}",
     b"[" * 5000, b"9" * 5000, b'[0,1,1e400,[["a",1e400]]]'],
    ids=range(11),
)  # fmt: skip
def test_what_is_not_a_circuit_is_a_closed_one(found: bytes) -> None:
    breakers = Breakers(RedisBreakerStore(Holds(found)))  # type: ignore[arg-type]  # as much of a client as is asked
    breaker = breakers.of("alipay", "charge")
    breaker.before()
    breaker.failed()
    breaker.succeeded()
    assert breakers.state("alipay", "charge").state is not State.OPEN
