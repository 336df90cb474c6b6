"""How the examples are served: secrets of this checkout's own, a free port, a server that closes cleanly."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from payflow import Flow
from payflow.gateways.mock import HttpDelivery, MockGateway
from payflow.sandbox import Sandbox

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def make_secrets(folder: Path) -> None:
    """Secrets of this checkout's own, made on the first run and never committed."""
    folder.mkdir(exist_ok=True)
    for name in ("confirmations.secret", "mock.secret"):
        file = folder / name
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(48))


def start_mock(flow: Flow, address: str) -> MockGateway | None:
    """The mock gateway's sender, if the config has a mock account."""
    gateway = flow.gateways.get("mock")
    if gateway is None:
        return None
    mock = cast(MockGateway, gateway)
    mock.cashier_url = address + mock.cashier_url
    mock.deliver = HttpDelivery(lambda account: f"{address}/callbacks/{account}")
    mock.start()
    return mock


def start_sandbox(path: Path, address: str) -> Sandbox | None:
    """The far side of the accounts that say ``sandbox``, and what they need of it: keys as files, its address.

    The addresses in the config are those of the usual ports; where another port had to be taken, the environment says
    so, as ``PAYFLOW__…`` overrides.
    """
    accounts = json.loads(path.read_text(encoding="utf-8"))["gateways"]
    wanted = {name: account["gateway"] for name, account in accounts.items() if account.get("sandbox")}
    if not wanted:
        return None
    folder = path.parent / "var" / "sandbox"
    sandbox = _sandbox(folder / "state").start()
    sandbox.material.write(folder)
    for name, kind in wanted.items():
        target = "/gateway.do" if kind == "alipay" else ""
        os.environ[f"PAYFLOW__GATEWAYS__{name.upper()}__BASE_URL"] = sandbox.url + target
    os.environ["PAYFLOW__CALLBACKS__BASE_URL"] = address
    return sandbox


def _sandbox(state: Path) -> Sandbox:
    """On its usual port, or on another one if somebody listens there."""
    try:
        return Sandbox(port=8800, state=state, refund_seconds=2)
    except OSError:
        return Sandbox(port=0, state=state, refund_seconds=2)


def wanted_port(usual: int = 8000) -> int:
    """The port named by ``PORT``, else the usual one."""
    text = os.environ.get("PORT", str(usual))
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise SystemExit(f"PORT is a number from 1 to 65535, not {text!r}")
    return int(text)


def free_port(wanted: int) -> int:
    """The port asked for, or another one if somebody listens there."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("No free port on 127.0.0.1")


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def start_serving(app: WSGIApplication, port: int, stop: threading.Event) -> Callable[[], None]:
    """Serve in a thread of its own; how it is closed."""
    run, close = make_server(app, port)
    threading.Thread(target=_serve, args=(run, stop), name="server", daemon=True).start()
    return close


def _serve(run: Callable[[], None], stop: threading.Event) -> None:
    """Serve until it is closed. While it is being closed, its loop may still look at a socket that is gone."""
    try:
        run()
    except (OSError, ValueError, KeyError):
        if not stop.is_set():
            raise


def make_server(app: WSGIApplication, port: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """A server that runs, and how it is closed: waitress if it is installed, else Flask's or Django's own.

    Both have a thread for each page that keeps its stream open.
    """
    try:
        from waitress.server import create_server
    except ImportError:
        return _framework_server(app, port)
    logging.getLogger("waitress").setLevel(logging.ERROR)
    served = create_server(app, host="127.0.0.1", port=port, threads=24, clear_untrusted_proxy_headers=True)

    def close() -> None:
        served.task_dispatcher.shutdown(timeout=1)  # what is nearly done is sent
        logging.getLogger("waitress").setLevel(logging.CRITICAL)  # a stream that goes on is cut: that is no error
        served.close()

    return served.run, close


def _framework_server(app: WSGIApplication, port: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """The server that a framework brings along for development."""
    try:
        from werkzeug.serving import make_server as werkzeug_server
    except ImportError:
        from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

        logging.getLogger("django.server").setLevel(logging.WARNING)
        server = ThreadedWSGIServer(("127.0.0.1", port), WSGIRequestHandler)
        server.set_app(app)
        return server.serve_forever, server.shutdown
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    own = werkzeug_server("127.0.0.1", port, app, threaded=True)
    return own.serve_forever, own.shutdown
