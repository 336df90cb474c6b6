"""``python -m examples.coffee``: the shop, its worker and the far side of its gateways, in one process.

Which gateways, the config says: ``PAYFLOW_CONFIG=…/payflow.json`` takes the mock gateway, ``…/payflow.sandbox.json``
takes Alipay and WeChat Pay, with payflow's sandbox as their far side.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from examples.serving import (
    free_port,
    make_secrets,
    start_mock,
    start_sandbox,
    start_serving,
    stop_on_signals,
    wanted_port,
)
from payflow import Config, load, open_flow, open_worker
from payflow.sandbox import Sandbox

from .shop import create_app


def main() -> None:
    """Start everything, print the address, stop cleanly on Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    path = Path(os.environ.get("PAYFLOW_CONFIG", Path(__file__).with_name("payflow.json")))
    make_secrets(path.parent / "var")
    port = free_port(wanted_port())
    address = f"http://127.0.0.1:{port}"
    sandbox = start_sandbox(path, address)
    config = load(path)
    flow = open_flow(config, migrate=True)
    gateway = start_mock(flow, address)
    stop = stop_on_signals()
    worker = threading.Thread(target=open_worker(flow).run, args=(stop,), name="worker")
    close = start_serving(create_app(flow, cashier=sandbox.url if sandbox else ""), port, stop)
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


def _told(config: Config, sandbox: Sandbox | None) -> str:
    if sandbox is None:
        return ""
    paid_by = " and ".join(sorted({account.gateway for account in config.accounts.values()}))
    return f"  Paid by {paid_by}, whose far side is the sandbox:  {sandbox.url}/\n"


main()
