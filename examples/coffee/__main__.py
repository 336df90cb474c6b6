"""``python -m examples.coffee``: the shop, its worker and the far side of its gateways, in one process.

Which gateways, the config says: ``PAYFLOW_CONFIG=…/payflow.json`` takes the mock gateway, ``…/payflow.sandbox.json``
takes Alipay and WeChat Pay, with payflow's sandbox as their far side.
"""

from __future__ import annotations

import json
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

from payflow import Config, Flow, load, open_flow, open_worker
from payflow.gateways.mock import HttpDelivery, MockGateway
from payflow.sandbox import Sandbox

from .shop import create_app


def main() -> None:
    """Start everything, print the address, stop cleanly on Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logging.getLogger("waitress").setLevel(logging.ERROR)
    path = Path(os.environ.get("PAYFLOW_CONFIG", Path(__file__).with_name("payflow.json")))
    make_secrets(path.parent / "var")
    port = free_port(wanted_port())
    address = f"http://127.0.0.1:{port}"
    sandbox = start_sandbox(path, address)
    config = load(path)
    flow = open_flow(config, migrate=True)
    gateway = start_mock(flow, address)
    stop = threading.Event()
    worker = threading.Thread(target=open_worker(flow).run, args=(stop,), name="worker")
    run, close = make_server(create_app(flow, cashier=sandbox.url if sandbox else ""), port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serving = threading.Thread(target=serve, args=(run, stop), name="server", daemon=True)
    serving.start()
    worker.start()
    print(f"\n  The coffee shop is open:  {address}/\n{_told(config, sandbox)}  Ctrl-C closes it.\n", flush=True)
    while not stop.wait(0.5):
        pass
    if gateway is not None:
        gateway.stop()
    worker.join()
    close()
    if sandbox is not None:
        sandbox.stop()
    flow.store.close()
    print("Closed.", file=sys.stderr)


def serve(run: Callable[[], None], stop: threading.Event) -> None:
    """Serve until it is closed. While it is being closed, its loop may still look at a socket that is gone."""
    try:
        run()
    except (OSError, ValueError, KeyError):
        if not stop.is_set():
            raise


def _told(config: Config, sandbox: Sandbox | None) -> str:
    if sandbox is None:
        return ""
    paid_by = " and ".join(sorted({account.gateway for account in config.accounts.values()}))
    return f"  Paid by {paid_by}, whose far side is the sandbox:  {sandbox.url}/\n"


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
    sandbox = Sandbox(port=free_port(8800), state=folder / "state", refund_seconds=2).start()
    sandbox.material.write(folder)
    for name, kind in wanted.items():
        target = "/gateway.do" if kind == "alipay" else ""
        os.environ[f"PAYFLOW__GATEWAYS__{name.upper()}__BASE_URL"] = sandbox.url + target
    os.environ["PAYFLOW__CALLBACKS__BASE_URL"] = address
    return sandbox


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
