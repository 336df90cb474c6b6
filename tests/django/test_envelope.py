"""Catalogue section A again, with Django between the server and the intake: the very tests of the bare WSGI door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import override_settings

from payflow.django import views
from payflow.intake import Intake
from tests.intake.standin import Receiver
from tests.intake.test_envelope import *  # noqa: F403 -- the same tests, with the fixture below
from tests.intake.test_envelope import SERVERS, Served


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    receiver = Receiver()
    intake = Intake(receiver, body_seconds=1.0)
    monkeypatch.setattr(views, "_intake", lambda: intake)
    with (
        override_settings(ROOT_URLCONF="payflow.django.urls"),
        SERVERS[request.param](get_wsgi_application()) as port,
    ):
        yield Served(port, receiver, request.param)
