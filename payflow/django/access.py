"""The process's flow, as Django's settings describe it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections

from .announcing import announce
from .store import DjangoStore, django_store

if TYPE_CHECKING:
    from ..config import Config
    from ..flow import Flow
    from ..wallet import Wallet

#: The setting ``PAYFLOW`` and what it says where it says nothing.
DEFAULTS: Mapping[str, Any] = {
    "CONFIG": "payflow.json", "USING": "default", "CHECKOUT_ORIGINS": (), "CHECKOUT_STREAMS": 8,
}  # fmt: skip

_lock = threading.RLock()
_flows: dict[tuple[str, int], Flow] = {}
_wallets: dict[tuple[str, int], Wallet] = {}
_configs: dict[int, Config] = {}


def setting(name: str) -> Any:
    """One of ``settings.PAYFLOW``, or its default."""
    given = getattr(settings, "PAYFLOW", {})
    return given.get(name, DEFAULTS[name])


def config() -> Config:
    """The checked config: ``PAYFLOW["CONFIG"]`` is the path of ``payflow.json``, or what would stand in it."""
    from ..config import load

    pid = os.getpid()
    with _lock:
        if pid not in _configs:
            given = setting("CONFIG")
            _configs[pid] = load(dict(given) if isinstance(given, Mapping) else Path(given))
        return _configs[pid]


def payflow(using: str | None = None) -> Flow:
    """The flow on Django's own connection; ask for it each time, it costs nothing.

    Inside ``atomic`` it has joined your transaction: its verbs record, and what they record is sent right after the
    commit. ``using`` is the name of a database (default: ``PAYFLOW["USING"]``). Raises ``ConfigError`` for what cannot
    be right in the config, and ``STORE_SCHEMA_VERSION`` before ``manage.py migrate``.
    """
    name = using or setting("USING")
    flow = _flow(name)
    host = connections[name]
    if not host.in_atomic_block:
        return flow
    host.ensure_connection()
    return flow.joined(host.connection)


def wallet(using: str | None = None) -> Wallet:
    """The wallet over :func:`payflow`, joined where that is."""
    from ..assembly import open_wallet, shelf_of
    from ..wallet import Wallet

    name = using or setting("USING")
    flow = _flow(name)
    host = connections[name]
    if host.in_atomic_block:
        host.ensure_connection()
        return Wallet(flow, shelf_of(flow.config), flow.config.wallet.refills).joined(host.connection)
    key = name, os.getpid()
    if key not in _wallets:
        _wallets[key] = open_wallet(flow)
    return _wallets[key]


def base_flow(using: str | None = None) -> Flow:
    """The flow that is never joined: for what talks to gateways, after a commit."""
    return _flow(using or setting("USING"))


def _flow(using: str) -> Flow:
    key = using, os.getpid()
    flow = _flows.get(key)
    if flow is None:
        with _lock:
            flow = _flows.get(key)
            if flow is None:
                flow = _flows[key] = _opened(using)
    return flow


def _opened(using: str) -> Flow:
    from ..assembly import open_flow

    store: DjangoStore = django_store(using)
    flow = open_flow(config(), store=store)
    flow.written = announce
    return flow


def forget(*, setting: str = "PAYFLOW", **_: Any) -> None:
    """The settings have changed (``setting_changed``): what was made from them is made anew."""
    if setting in ("PAYFLOW", "DATABASES"):
        with _lock:
            _flows.clear()
            _wallets.clear()
            _configs.clear()
