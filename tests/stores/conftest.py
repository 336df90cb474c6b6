"""Connections as a host would open them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest


@pytest.fixture
def mariadb_connection() -> Iterator[Callable[..., pymysql.Connection[Any]]]:
    """Opens the host's own connection to a MariaDB address, not in autocommit."""
    opened: list[pymysql.Connection[Any]] = []

    def connect(url: str, **settings: Any) -> pymysql.Connection[Any]:
        parts = urlsplit(url)
        opened.append(
            pymysql.connect(
                host=parts.hostname, port=parts.port or 3306, user=parts.username or "", password=parts.password or "",
                database=parts.path[1:], **settings,
            )
        )  # fmt: skip
        return opened[-1]

    yield connect
    for connection in opened:
        if connection.open:
            connection.close()
