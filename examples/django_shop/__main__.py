"""``python -m examples.django_shop``: the hall, its worker and the far side of its gateways, in one process."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from examples.serving import free_port, make_secrets, start_sandbox, start_serving, stop_on_signals, wanted_port


def main() -> None:
    """Start everything, print the addresses, stop cleanly on Ctrl-C or SIGTERM."""
    path = Path(os.environ.get("PAYFLOW_CONFIG", Path(__file__).with_name("payflow.json")))
    make_secrets(path.parent / "var")
    port = free_port(wanted_port(8010))
    address = f"http://127.0.0.1:{port}"
    sandbox = start_sandbox(path, address)
    os.environ["PAYFLOW__CALLBACKS__BASE_URL"] = f"{address}/pay"
    os.environ["SHOP_SANDBOX"] = sandbox.url if sandbox else ""
    from .wsgi import application  # from here on the settings know all of it

    password = _prepared()
    stop = stop_on_signals()
    worker = threading.Thread(target=_work, args=(stop,), name="worker")
    close = start_serving(application, port, stop)
    worker.start()
    print(f"\n  Lantern Hall is open:  {address}/")
    print(f"  The box office:        {address}/office/   boxoffice  {password}")
    if sandbox:
        print(f"  The sandbox:           {sandbox.url}/   Alipay and WeChat Pay are played there")
    print("  Ctrl-C closes it.\n", flush=True)
    while not stop.wait(0.5):
        pass
    worker.join()
    close()
    if sandbox:
        sandbox.stop()
    print("Closed.", file=sys.stderr)


def _prepared() -> str:
    """The settings are right, the tables are there, and so is somebody at the box office: their password."""
    import io

    from django.core.management import call_command

    said = io.StringIO()
    call_command("check", stdout=io.StringIO())
    call_command("migrate", verbosity=0)
    call_command("staff", stdout=said)
    return said.getvalue().strip()


def _work(stop: threading.Event) -> None:
    """What ``manage.py payflow worker`` does in a process of its own where the hall is served for real."""
    from django.db import connections

    from payflow import open_worker
    from payflow.django import payflow

    open_worker(payflow()).run(stop)
    connections.close_all()


main()
