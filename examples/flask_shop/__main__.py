"""``python -m examples.flask_shop``: the shop, its worker and the far side of Alipay and WeChat Pay, in one process."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
from pathlib import Path

from examples.serving import free_port, make_secrets, start_sandbox, start_serving, stop_on_signals, wanted_port
from payflow import open_worker

from .app import HERE, create_app


def main() -> None:
    """Start everything, print the addresses, stop cleanly on Ctrl-C or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    path = Path(os.environ.get("PAYFLOW_CONFIG", HERE / "payflow.json"))
    make_secrets(path.parent / "var")
    port = free_port(wanted_port(8020))
    address = f"http://127.0.0.1:{port}"
    sandbox = start_sandbox(path, address)
    word = os.environ.get("SHOP_STAFF_PASSWORD") or secrets.token_urlsafe(9)
    app = create_app(path, CASHIER=sandbox.url if sandbox else "", STAFF_PASSWORD=word)
    flow = app.extensions["payflow"]
    stop = stop_on_signals()
    worker = threading.Thread(target=open_worker(flow).run, args=(stop,), name="worker")
    close = start_serving(app, port, stop)
    worker.start()
    print(f"\n  The tea shop is open:  {address}/")
    print(f"  Its office:            {address}/office   name: {app.config['STAFF_NAME']}   password: {word}")
    if sandbox is not None:
        print(f"  The sandbox, which is its Alipay and its WeChat Pay:  {sandbox.url}/")
    print("  Ctrl-C closes it.\n", flush=True)
    while not stop.wait(0.5):
        pass
    worker.join()
    close()
    if sandbox is not None:
        sandbox.stop()
    flow.store.close()
    print("Closed.", file=sys.stderr)


main()
