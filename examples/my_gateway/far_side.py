"""ExamplePay's own side, in memory: enough to try the gateway, and to run the contract over it."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote

from .gateway import signature_of


@dataclass
class FarSide:
    """Orders and refunds of one merchant. ``told`` are the callbacks, as raw bodies. A context manager."""

    key: bytes
    merchant: str = "merchant-1"
    app: str = "app-1"
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[tuple[str, bytes]] = field(default_factory=list)  # the order, and what was said about it
    silent: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._mac = hmac.new(self.key, digestmod=hashlib.sha256)
        side = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if side.silent:
                    self.close_connection = True
                    return
                line = f"{self.command} {self.path}"
                timestamp, given = self.headers.get("Example-Timestamp", ""), self.headers.get("Example-Signature", "")
                genuine = signature_of(side._mac, f"request {line}", timestamp, body)
                if hmac.compare_digest(genuine.encode(), given.encode()):
                    status, said = side.answer(self.command, self.path, body)
                else:
                    status, said = 401, {"error": "WHO"}
                raw = json.dumps(said).encode()
                head = "".join(f"{name}: {value}\r\n" for name, value in side.headers(f"answer {line}", raw).items())
                start = f"HTTP/1.1 {status} -\r\n{head}Content-Length: {len(raw)}\r\n\r\n"
                self.wfile.write(start.encode() + raw)

            do_GET = do_POST = _serve  # noqa: N815 -- http.server looks for these names

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def headers(self, what: str, body: bytes, now: float | None = None) -> dict[str, str]:
        """What proves a message of ours: an ``answer …`` or a ``callback``."""
        timestamp = str(int(time.time() if now is None else now))
        return {"Example-Timestamp": timestamp, "Example-Signature": signature_of(self._mac, what, timestamp, body)}

    # -- what it answers --------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer."""
        with self._lock:
            parts = [unquote(part) for part in path.strip("/").split("/")]
            said = json.loads(body) if body else {}
            if method == "POST" and parts == ["orders"]:
                return self._ordered(said)
            if parts[0] == "refunds":
                found = self.refunds.get(parts[-1])
                return (200, found) if found else (404, {"error": "NO_REFUND"})
            order = self.orders.get(parts[1]) if len(parts) > 1 else None
            if order is None:
                return 404, {"error": "NO_ORDER"}
            if method == "GET":
                return 200, order
            if parts[-1] == "close":
                if order["state"] == "open":
                    order["state"] = "closed"
                return 200, order
            return self._refunded(order, said)

    def _ordered(self, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        number = str(said["order"])
        known = self.orders.get(number)
        if known is not None:
            same = (known["amount"], known["currency"]) == (said["amount"], said["currency"])
            return (200, known) if same else (409, {"error": "OTHER_FACTS"})
        if not 0 < said["amount"] < 1 << 53 or said["currency"] not in ("CNY", "USD") or not number.isascii():
            return 409, {"error": "BAD_ORDER"}
        self.orders[number] = {
            "merchant": self.merchant, "app": self.app, "order": number, "number": f"EP{len(self.orders) + 1:08}",
            "state": "open", "amount": said["amount"], "currency": said["currency"],
            "pay_url": f"{self.address}/pay/{number}",
        }  # fmt: skip
        return 200, self.orders[number]

    def _refunded(self, order: dict[str, Any], said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        known = self.refunds.get(said["refund"])
        if known is not None:
            same = (known["order"], known["refund_amount"]) == (order["order"], said["amount"])
            return (200, known) if same else (409, {"error": "OTHER_FACTS"})
        gone = sum(one["refund_amount"] for one in self.refunds.values() if one["order"] == order["order"])
        if order["state"] != "paid" or not 0 < said["amount"] <= order["amount"] - gone:
            return 409, {"error": "NOT_REFUNDABLE"}
        made = {key: order[key] for key in ("merchant", "app", "order", "number", "currency")}
        made |= {"refund": said["refund"], "refund_amount": said["amount"], "refund_state": "done"}
        self.refunds[said["refund"]] = made
        self._tell(made)
        return 200, made

    # -- what a payer does ------------------------------------------------------------------------------------------

    def pay(self, number: str) -> dict[str, Any]:
        """The payer pays; the order as it is then."""
        with self._lock:
            order = self.orders[number]
            if order["state"] == "open":
                order |= {"state": "paid", "paid_at": int(time.time())}
                self._tell(order)
            return order

    def _tell(self, said: dict[str, Any]) -> None:
        self.told.append((said["order"], json.dumps(said, ensure_ascii=False).encode()))
