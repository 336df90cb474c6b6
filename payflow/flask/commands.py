"""``flask payflow worker``: every command of ``payflow``, on the app's own flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext

from ..cli import LazyGroup
from ..cli.opening import HOST, Host
from .extension import current_payflow


class FlaskHost(Host):
    """Where the commands find what they work on."""

    def config(self) -> Any:
        return current_payflow().config

    def flow(self) -> Any:
        return current_payflow()

    def store(self) -> Any:
        return current_payflow().store

    def place(self) -> str:
        return ""


@contextmanager
def _hosted() -> Iterator[None]:
    token = HOST.set(FlaskHost())
    try:
        yield
    finally:
        HOST.reset(token)


@click.group("payflow", cls=LazyGroup)
@click.pass_context
@with_appcontext
def group(context: click.Context) -> None:
    """Payments: worker, trace, doctor, reconcile, refill, statement, incidents …"""
    context.with_resource(_hosted())
