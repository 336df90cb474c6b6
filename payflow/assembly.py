"""From a checked config to a flow that is ready to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .breaker import Breakers, RedisBreakerStore
from .clock import Clock, seconds, system_clock
from .config.dotted import function_of
from .deciding.rules import Caps, CreditRules, Schedule
from .flow import Flow, Settings
from .gateway import Gateway
from .identifiers import new_id
from .machine import Table, tables_from_json
from .routing import Router
from .store import Store, TwoPhaseStore
from .tables import TABLES
from .transport import Limits, Surroundings
from .trust import Trust
from .wallet import Pack, Rate, Shelf, Wallet
from .worker import Handlers, Worker

if TYPE_CHECKING:
    from .config import Config
    from .config.settings import AccountConfig, StoreConfig
    from .stores import SqlStore

#: gateway → where its class is; loaded only when the config has an account there.
GATEWAYS = {
    "mock": ("payflow.gateways.mock", "MockGateway"),
    "alipay": ("payflow.gateways.alipay", "Alipay"),
    "wechat": ("payflow.gateways.wechat", "WeChat"),
}


def open_flow(
    config: Config,
    *,
    store: Store | None = None,
    gateways: Mapping[str, Gateway] | None = None,
    clock: Clock = system_clock,
    migrate: bool = False,
) -> Flow:
    """The flow a config describes. Keys are parsed here, once; a key that does not parse is a ``ConfigError``.

    ``store`` and ``gateways`` replace what the config names (tests, hosts that share a pool). Raises
    ``STORE_SCHEMA_VERSION`` if the database was not migrated, unless ``migrate`` is true.
    """
    opened = store if store is not None else open_store_of(config)
    if migrate:
        opened.migrate()
    opened.check_schema()
    if isinstance(opened, TwoPhaseStore):
        opened.recover()
    retention = config.context_retention
    return Flow(
        store=opened,
        gateways=gateways if gateways is not None else open_gateways(config, clock),
        router=Router(config.routes),
        trust=Trust(config.trusted_actions, auto_confirm=config.auto_confirm_order),
        tables=tables_of(config),
        policies=config.policies,
        settings=Settings(
            secret=config.secret.reveal(),
            token_ttl_seconds=retention.ttl_seconds if retention.enabled else None,
            payment_seconds=config.timeouts.payment_seconds,
            barcode_seconds=config.timeouts.barcode_seconds,
            retention_seconds=config.idempotency.retention_seconds,
            time_zone=config.zone,
        ),
        schedule=Schedule(
            first_check=seconds(config.worker.first_check_seconds),
            longest_check=seconds(config.worker.longest_check_seconds),
            # A verb may ask more than once (what was refused is asked about), and each call may take its whole time.
            call_lease=seconds(max(config.idempotency.lease_seconds, 3 * config.timeouts.total_seconds + 5)),
        ),
        clock=clock,
        ids=new_id,
        config=config,
        credit=credit_rules_of(config),
    )


def credit_rules_of(config: Config) -> CreditRules:
    """What decisions about credit go by."""
    wallet = config.wallet
    packs: dict[str, tuple[str, ...]] = {}
    for pack in wallet.packs:
        packs[pack.unit] = (*packs.get(pack.unit, ()), pack.name)
    return CreditRules(
        units={name: Caps(**caps) for name, caps in wallet.units.items()},
        zone=config.zone,
        packs=packs,
        over=wallet.over,
        hold_ttl=seconds(wallet.hold_ttl_seconds),
    )


def shelf_of(config: Config) -> Shelf:
    """What can be bought."""
    wallet = config.wallet
    return Shelf(
        packs={
            pack.name: Pack(
                name=pack.name, unit=pack.unit, credit=pack.credit, price=pack.price, bonus=pack.bonus,
                expires_seconds=_in_seconds(pack.expires_days),
                bonus_expires_seconds=_in_seconds(pack.bonus_expires_days),
            )
            for pack in wallet.packs
        },
        rates=tuple(
            Rate(
                unit=rate.unit, currency=rate.currency, credit=rate.credit, per=rate.per, least=rate.least,
                most=rate.most, expires_seconds=_in_seconds(rate.expires_days),
            )
            for rate in wallet.rates
        ),
    )  # fmt: skip


def _in_seconds(days: int | None) -> int | None:
    return None if days is None else days * 86_400


def open_wallet(flow: Flow) -> Wallet:
    """The wallet over a flow, with what the flow's config sells and grants; what it says anew is taken over."""
    wallet = Wallet(flow, shelf_of(flow.config), flow.config.wallet.refills)
    wallet.policies.take_over()
    return wallet


def open_store_of(config: Config) -> Store:
    """The config's own store: over two databases where the ledger has its own."""
    from .stores import open_split_store, open_store

    def opened(store: StoreConfig) -> SqlStore:
        return open_store(
            store.url.text(), pool_size=store.pool_size, busy_timeout_seconds=store.busy_timeout_seconds
        )  # fmt: skip

    ledger = config.wallet.store
    if ledger is None:
        return opened(config.store)
    return open_split_store(opened(config.store), opened(ledger), lease_seconds=ledger.lease_seconds)


def open_gateways(config: Config, clock: Clock = system_clock) -> dict[str, Gateway]:
    """Every account's gateway, by account name."""
    breakers = open_breakers(config)
    opened: dict[str, Gateway] = {}
    for name, account in config.accounts.items():
        surroundings = Surroundings(
            clock=clock,
            notify_url=config.notify_url(name),
            limits=Limits(
                connect_seconds=config.timeouts.connect_seconds,
                read_seconds=config.timeouts.read_seconds,
                total_seconds=config.timeouts.total_seconds,
            ),
            production=config.environment == "production",
            breakers=breakers,
        )
        opened[name] = _gateway_class(account).from_config(name, account.options, surroundings)
    return opened


def open_breakers(config: Config) -> Breakers:
    """The circuit breakers of all accounts: shared by Redis where the config names one."""
    redis = config.breakers.redis
    return Breakers(
        None if redis is None else RedisBreakerStore(redis.text().strip()),
        failures=config.breakers.failures,
        cool_down_seconds=config.breakers.cool_down_seconds,
    )


def _gateway_class(account: AccountConfig) -> Any:
    """The class behind an account: one of payflow's, or the host's own."""
    if account.gateway == "custom":
        return function_of(account.options["class"], f"$.gateways.{account.name}.class")
    module, what = GATEWAYS[account.gateway]
    return getattr(import_module(module), what)


def tables_of(config: Config) -> dict[str, Table]:
    """The declared tables, with the host's own in place of those it declares."""
    return {
        name: tables_from_json(config.tables[name], table) if name in config.tables else table
        for name, table in TABLES.items()
    }


def open_handlers(config: Config) -> Handlers:
    """The handlers a config names, each found by its dotted name ``package.module:function``."""
    handlers = Handlers()
    for handler in config.handlers:
        handlers.add(handler.name, handler.on, handler.function())
    return handlers


def open_worker(flow: Flow, handlers: Handlers | None = None) -> Worker:
    """A worker as the flow's config describes it."""
    config: Config = flow.config
    return Worker(
        flow,
        handlers if handlers is not None else open_handlers(config),
        batch=config.worker.batch,
        lease_seconds=config.worker.lease_seconds,
        max_tries=config.worker.max_tries,
        poll_seconds=config.worker.poll_seconds,
        chores=chores_of(flow),
    )


def chores_of(flow: Flow) -> dict[str, Callable[[], int]]:
    """What the worker does besides payments: what is in doubt between two databases is ended, what is over lapses,
    what is due is refilled, balances are watched."""
    chores: dict[str, Callable[[], int]] = {}
    if isinstance(flow.store, TwoPhaseStore):
        chores["recover"] = partial(_recovered, flow.store)
    if flow.config.wallet.units:
        wallet = open_wallet(flow)
        chores |= {"sweep": wallet.sweep, "refill": wallet.refills.step, "watch": wallet.watch}
    return chores


def _recovered(store: TwoPhaseStore) -> int:
    return store.recover().ended
