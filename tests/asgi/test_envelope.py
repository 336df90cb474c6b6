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
from tests.intake.test_wsgi import (  # noqa: F401 -- collected here, with the fixture below
    Served,
    test_a_204_has_no_body_and_no_length,
    test_b001_only_post,
    test_b003_a_declared_gigabyte,
    test_b003_chunks_without_end,
    test_b004_a_length_and_chunks,
    test_b004_lengths_that_are_none,
    test_b004_two_lengths,
    test_b006_a_body_that_is_too_long,
    test_b006_a_body_that_is_too_short,
    test_b008_b009_packed_bodies,
    test_b011_hostile_headers,
    test_b013_header_names_in_any_case,
    test_b014_a_header_twice,
    test_b018_path_tricks,
    test_b074_a_query_string_is_not_merged,
    test_chunked_is_taken_where_the_server_knows_its_end,
    test_genuine_callbacks,
    test_the_answer_is_exact,
)

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
