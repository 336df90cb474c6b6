"""Every kind of message that payflow's own tables tell of has its signal, at home in Django and in Flask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from blinker import NamedSignal
from django.dispatch import Signal

from payflow.django import signals as of_django
from payflow.flask import signals as of_flask

PAYFLOW = Path(__file__).parents[2] / "payflow"
TOLD = re.compile(r'"((?:payment|refund|incident|refill)\.[a-z_]+)"')
KINDS = sorted(
    {
        kind
        for room in ("tables", "deciding")
        for path in (PAYFLOW / room).rglob("*.py")
        for kind in TOLD.findall(path.read_text(encoding="utf-8"))
    }
)


def test_the_kinds_are_found() -> None:
    assert {"payment.paid", "payment.paid_late", "refund.failed", "incident.opened", "refill.ordered"} <= set(KINDS)
    assert len(KINDS) == 14


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_signal(kind: str) -> None:
    name = kind.replace(".", "_")
    assert isinstance(getattr(of_django, name), Signal)
    blinker = getattr(of_flask, name)
    assert isinstance(blinker, NamedSignal)
    assert blinker.name == kind
