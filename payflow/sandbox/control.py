"""The sandbox's own pages and its control API, below ``/`` and ``/sandbox/``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .delivery import Delivery
from .messages import Incoming, Outgoing, Side, World


class Control:
    """Answers what neither gateway's side takes."""

    def __init__(self, world: World, sides: Mapping[str, Side], delivery: Delivery) -> None:
        self._world, self._sides, self._delivery = world, sides, delivery

    def answer(self, request: Incoming) -> Outgoing:
        """Answer one request."""
        if request.path == "/sandbox/orders" and request.method == "GET":
            return _json(200, {"orders": [asdict(order) for order in self._world.books.newest_orders()]})
        return _json(404, {"status": "failed", "error_code": "NOT_FOUND", "message": "There is nothing here"})


def _json(status: int, body: Mapping[str, Any]) -> Outgoing:
    return Outgoing(status, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"})
