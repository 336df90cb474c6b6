"""What the commands share: opening the config, the store, the flow, and saying errors in one line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from ..config import Config
    from ..flow import Flow


class Host(Protocol):
    """A framework that runs the commands on what it has opened itself, instead of what a file names."""

    def config(self) -> Config:
        """Its config."""
        ...

    def flow(self) -> Flow:
        """Its flow; it stays open."""
        ...

    def store(self) -> Any:
        """The store its flow works on, whether or not its schema is up to date."""
        ...

    def place(self) -> str:
        """Where its tables are, in words, if that is not what the config says."""
        ...


HOST: ContextVar[Host | None] = ContextVar("payflow_host", default=None)

config_option = click.option(
    "-c",
    "--config",
    "path",
    default="payflow.json",
    envvar="PAYFLOW_CONFIG",
    show_default=True,
    help="The config file.",
)


@contextmanager
def said_plainly() -> Iterator[None]:
    """payflow's own errors as one line each and exit code 2, without a traceback."""
    from ..errors import PayflowError

    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as "python -m" does: the host's handlers are found from its folder
    try:
        yield
    except PayflowError as error:
        for problem in getattr(error, "problems", None) or [error]:
            click.secho(str(problem), fg="red", err=True)
        sys.exit(2)


@contextmanager
def opened(path: str) -> Iterator[Flow]:
    """The flow of a config file, its connections given back at the end."""
    from ..assembly import open_flow
    from ..config import load

    host = HOST.get()
    if host is not None:
        with said_plainly():
            yield host.flow()
        return
    with said_plainly():
        flow = open_flow(load(path))
        try:
            yield flow
        finally:
            flow.store.close()


def config_at(path: str) -> Config:
    """The config of the host, or of a file."""
    from ..config import load

    host = HOST.get()
    return load(path) if host is None else host.config()


def place_of(config: Config) -> str:
    """Where the tables are, in words: as the host says, or the config."""
    host = HOST.get()
    return (host.place() if host is not None else "") or config.store.shown_url


def store_at(path: str) -> Any:
    """The store of the host, or of a config file, whatever its schema."""
    from ..assembly import open_store_of

    host = HOST.get()
    return open_store_of(config_at(path)) if host is None else host.store()


def log_to_stderr(level: str) -> None:
    """The story as lines: time, level, room, message (which carries payment and trace ids). A framework's logging is
    its own."""
    if HOST.get() is not None:
        return
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", force=True
    )


def as_json(value: Any) -> str:
    """One JSON document, readable, Chinese kept."""
    import json

    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
