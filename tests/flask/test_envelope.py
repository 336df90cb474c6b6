"""Catalogue section A again, with Flask between the server and the intake: the very tests of the bare WSGI door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from flask import Flask

from payflow.flask import PayFlow
from payflow.intake import Intake
from tests.intake.standin import Receiver
from tests.intake.test_envelope import *  # noqa: F403 -- the same tests, with the fixture below
from tests.intake.test_envelope import SERVERS, Served


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    receiver = Receiver()
    app = Flask(__name__)
    PayFlow(app, flow=cast(Any, receiver))
    app.extensions["payflow_intake"] = Intake(receiver, body_seconds=1.0)
    with SERVERS[request.param](app) as port:
        yield Served(port, receiver, request.param)
