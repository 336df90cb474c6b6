"""System checks: what ``manage.py check`` says of payflow's settings; with ``--deploy``, of going into production."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.db import connections

from ..errors import PayflowError
from . import access

if TYPE_CHECKING:
    from ..config import Config

E = checks.Error
W = checks.Warning


@checks.register("payflow")
def config_is_right(**_: Any) -> Sequence[checks.CheckMessage]:
    """E001: the config cannot be right. E002: a setting nobody knows. W005: no transaction of its own on SQLite."""
    return [*_unknown_settings(), *_config_problems(), *_databases()]


@checks.register("payflow", deploy=True)
def ready_for_production(**_: Any) -> Sequence[checks.CheckMessage]:
    """W001: a mock gateway takes money from nobody. W002: callbacks over plain HTTP. W003: not said to be production.
    W004: DEBUG shows what is in local variables."""
    try:
        config = access.config()
    except PayflowError:
        return []  # E001 says so
    return list(_deployed(config))


def _unknown_settings() -> Iterator[checks.CheckMessage]:
    for name in sorted(set(getattr(settings, "PAYFLOW", {})) - set(access.DEFAULTS)):
        known = ", ".join(access.DEFAULTS)
        yield E(f"PAYFLOW has no setting {name!r}", hint=f"There are {known}.", id="payflow.E002")
    using = access.setting("USING")
    if using not in settings.DATABASES:
        yield E(f"PAYFLOW['USING'] is {using!r}, and DATABASES has no such name", id="payflow.E003")


def _config_problems() -> Iterator[checks.CheckMessage]:
    try:
        access.config()
    except PayflowError as error:
        for problem in getattr(error, "problems", None) or [error]:
            yield E(str(problem), hint="Run: manage.py payflow check", id="payflow.E001")


def _databases() -> Iterator[checks.CheckMessage]:
    using = access.setting("USING")
    if using not in settings.DATABASES:
        return
    vendor = connections[using].vendor
    if vendor not in ("sqlite", "postgresql", "mysql"):
        yield E(f"payflow keeps its tables on SQLite, PostgreSQL or MariaDB, not on {vendor}", id="payflow.E004")
        return
    options = connections[using].settings_dict.get("OPTIONS", {})
    if vendor == "sqlite" and str(options.get("transaction_mode", "")).upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        yield W(
            "SQLite transactions begin as readers here: where two write at once, one of them fails at once",
            hint='OPTIONS = {"transaction_mode": "IMMEDIATE"}', id="payflow.W005",
        )  # fmt: skip
    if vendor == "mysql":
        from django.db.backends.mysql.base import Database

        if not getattr(Database, "__file__", "").replace("\\", "/").endswith("pymysql/__init__.py"):
            yield E(
                "payflow speaks to MariaDB through PyMySQL",
                hint="pip install 'payflow-gateway[mysql]' and pymysql.install_as_MySQLdb() before Django starts",
                id="payflow.E005",
            )  # fmt: skip


def _deployed(config: Config) -> Iterator[checks.CheckMessage]:
    for name, account in config.accounts.items():
        if account.gateway == "mock":
            yield W(f"The account {name!r} is a mock gateway: it takes money from nobody", id="payflow.W001")
            continue
        url = config.notify_url(name) or ""
        if urlsplit(url).scheme != "https":
            yield W(f"Callbacks of {name!r} come over plain HTTP ({url or 'no address'})", id="payflow.W002")
    if config.environment != "production":
        yield W(f"The config says environment {config.environment!r}", id="payflow.W003")
    if settings.DEBUG:
        yield W("DEBUG is on: error pages show what is in local variables", id="payflow.W004")
