"""Catalogue section A again, over ASGI: bare, and mounted in Starlette and FastAPI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from payflow.asgi import callbacks_app
from payflow.intake import Intake
from tests.intake.standin import Receiver
from tests.intake.test_envelope import *  # noqa: F403 -- the same tests, with the fixture below
from tests.intake.test_envelope import Served

from .servers import uvicorn_server


def bare(intake: Intake) -> object:
    return callbacks_app(intake)


def starlette(intake: Intake) -> object:
    app = Starlette(routes=[Mount("/callbacks", callbacks_app(intake, prefix=""))])
    app.router.redirect_slashes = False  # it would answer the path without an account with a redirect
    return app


def fastapi(intake: Intake) -> object:
    app = FastAPI()
    app.mount("/", callbacks_app(intake))
    return app


DOORS = {"bare": bare, "starlette": starlette, "fastapi": fastapi}


@pytest.fixture(params=DOORS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    receiver = Receiver()
    with uvicorn_server(DOORS[request.param](Intake(receiver, body_seconds=1.0))) as port:
        yield Served(port, receiver, "uvicorn")
