"""Catalogue section A again, with Django between the server and the intake: the very tests of the bare WSGI door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import override_settings

from payflow.django import views
from payflow.intake import Intake
from tests.intake.standin import Receiver
from tests.intake.test_wsgi import (  # noqa: F401 -- collected here, with the fixture below
    SERVERS,
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
