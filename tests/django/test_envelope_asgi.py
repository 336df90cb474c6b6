"""The same with Django under ASGI, less what Django decides before any view: it reads the whole body first, however
long the client takes. Whoever serves Django like that sets limits in the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.asgi import get_asgi_application
from django.test import override_settings

from payflow.django import views
from payflow.intake import Intake
from tests.asgi.servers import uvicorn_server
from tests.intake.standin import Receiver
from tests.intake.test_envelope import (  # noqa: F401 -- collected here, with the fixture below
    Served,
    test_a_204_has_no_body_and_no_length,
    test_b001_only_post,
    test_b004_two_lengths,
    test_b006_a_body_that_is_too_long,
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


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    receiver = Receiver()
    intake = Intake(receiver, body_seconds=1.0)
    monkeypatch.setattr(views, "_intake", lambda: intake)
    with override_settings(ROOT_URLCONF="payflow.django.urls"), uvicorn_server(get_asgi_application()) as port:
        yield Served(port, receiver, "Django on uvicorn")
