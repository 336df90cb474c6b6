"""``python -m examples.coffee``: the shop, its worker and the mock gateway's sender, in one process."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from flask import Flask

from payflow import load, open_flow, open_worker
from payflow.gateways.mock import HttpDelivery, MockGateway

from .shop import create_app


def main() -> None:
    """Start everything, print the address, stop cleanly on Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("waitress").setLevel(logging.ERROR)
    path = Path(os.environ.get("PAYFLOW_CONFIG", Path(__file__).with_name("payflow.json")))
    make_secrets(path.parent / "var")
    flow = open_flow(load(path), migrate=True)
    port = free_port(wanted_port())
    address = f"http://127.0.0.1:{port}"
    gateway = cast(MockGateway, flow.gateways["mock"])
    gateway.cashier_url = address + gateway.cashier_url
    gateway.deliver = HttpDelivery(lambda account: f"{address}/callbacks/{account}")
    stop = threading.Event()
    worker = threading.Thread(target=open_worker(flow).run, args=(stop,), name="worker")
    run, close = make_server(create_app(flow), port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serving = threading.Thread(target=run, name="server", daemon=True)
    serving.start()
    gateway.start()
    worker.start()
    print(f"\n  The coffee shop is open:  {address}/\n  Ctrl-C closes it.\n", flush=True)
    while not stop.wait(0.5):
        pass
    gateway.stop()
    worker.join()
    close()
    flow.store.close()
    print("Closed.", file=sys.stderr)


def make_secrets(folder: Path) -> None:
    """Secrets of this checkout's own, made on the first run and never committed."""
    folder.mkdir(exist_ok=True)
    for name in ("confirmations.secret", "mock.secret"):
        file = folder / name
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(48))


def wanted_port() -> int:
    """The port named by ``PORT``, else 8000."""
    text = os.environ.get("PORT", "8000")
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


def make_server(app: Flask, port: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """A server that runs, and how it is closed: waitress if it is installed, else the one that Flask brings along.

    Both have a thread for each page that keeps its stream open.
    """
    try:
        from waitress.server import create_server
    except ImportError:
        from werkzeug.serving import make_server as werkzeug_server

        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        own = werkzeug_server("127.0.0.1", port, app, threaded=True)
        return own.serve_forever, own.shutdown
    served = create_server(app, host="127.0.0.1", port=port, threads=24, clear_untrusted_proxy_headers=True)
    return served.run, served.close


main()
