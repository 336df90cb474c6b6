"""``python -m examples.coffee``: the shop, its worker and the mock gateway's sender, in one process."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any, cast

from payflow import load, open_flow, open_worker
from payflow.gateways.mock import HttpDelivery, MockGateway

from .shop import create_app


def main() -> None:
    """Start everything, print the address, stop cleanly on Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    path = Path(os.environ.get("PAYFLOW_CONFIG", Path(__file__).with_name("payflow.json")))
    make_secrets(path.parent / "var")
    flow = open_flow(load(path), migrate=True)
    port = free_port(int(os.environ.get("PORT", "8000")))
    address = f"http://127.0.0.1:{port}"
    gateway = cast(MockGateway, flow.gateways["mock"])
    gateway.cashier_url = address + gateway.cashier_url
    gateway.deliver = HttpDelivery(lambda account: f"{address}/callbacks/{account}")
    stop = threading.Event()
    worker = threading.Thread(target=open_worker(flow).run, args=(stop,), name="worker")
    server = make_server(create_app(flow), port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serving = threading.Thread(target=server.run, name="server", daemon=True)
    serving.start()
    gateway.start()
    worker.start()
    print(f"\n  The coffee shop is open:  {address}/\n  Ctrl-C closes it.\n", flush=True)
    while not stop.wait(0.5):
        pass
    gateway.stop()
    worker.join()
    server.close()
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


def make_server(app: Any, port: int) -> Any:
    """waitress with enough threads for the pages that keep a stream open."""
    from waitress.server import create_server

    return create_server(app, host="127.0.0.1", port=port, threads=24, clear_untrusted_proxy_headers=True)


main()
