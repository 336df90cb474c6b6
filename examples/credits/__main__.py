"""``python -m examples.credits``: the chat, its worker and the mock gateway's sender, in one process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from examples.serving import free_port, make_secrets, start_mock, start_serving, stop_on_signals, wanted_port
from payflow import load, open_flow, open_worker

from .app import create_app
from .place import NAME


def main() -> None:
    """Start everything, print the address, stop cleanly on Ctrl-C or SIGTERM: what is being written is released."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    path = Path(os.environ.get("PAYFLOW_CONFIG", Path(__file__).with_name("payflow.json")))
    make_secrets(path.parent / "var")
    port = free_port(wanted_port(8010))
    address = f"http://127.0.0.1:{port}"
    flow = open_flow(load(path), migrate=True)
    gateway = start_mock(flow, address)
    stop = stop_on_signals()
    worker = threading.Thread(target=open_worker(flow).run, args=(stop,), name="worker")
    app = create_app(flow, pause=_pause())
    close = start_serving(app, port, stop)
    worker.start()
    print(
        f"\n  Parrot is listening:  {address}/\n  The operator's page:  {address}/office\n  Ctrl-C closes it.\n",
        flush=True,
    )
    while not stop.wait(0.5):
        pass
    app.extensions[NAME].writing.close()
    if gateway is not None:
        gateway.stop()
    worker.join()
    close()
    flow.store.close()
    print("Closed.", file=sys.stderr)


def _pause() -> float:
    """How long the toy takes for a word: ``PAUSE_MS``, 60 if it is not given."""
    text = os.environ.get("PAUSE_MS", "60")
    if not text.isascii() or not text.isdigit() or int(text) > 10_000:
        raise SystemExit(f"PAUSE_MS is a number of milliseconds up to 10000, not {text!r}")
    return int(text) / 1000


main()
