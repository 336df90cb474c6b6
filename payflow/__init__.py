"""Take money through Alipay, WeChat Pay or a mock gateway, and never be wrong about it.

The map. A room imports only from rooms above it, or to its left on its own line; a test reads these lines as the rule.
A singular name is a contract, the plural below it holds the implementations.

    words       errors  money  identifiers  clock  language  markup   what everybody says
    promises    schema_files                            the JSON Schemas, wherever payflow is installed
    records     records                                 what is remembered; every field an int or a str
    engine      machine  drawing  tables                declared tables: checked, compiled once, drawn
    choices     routing  trust  refill  reconcile       pure: facts in, choice out
    setup       config                                  payflow.json, checked, every value with where it came from
    contracts   gateway  store
    wire        strictjson  forms  signing  national  breaker  transport   strict bodies; keys and signatures; calls
    adapters    gateways  stores                        one file per gateway, one per database
    judgement   ledger  deciding                        pure: events and facts in, changes out
    walk        trace  doctor  auditing  combining  flow  wallet  worker   the doing: gather, decide, write, call
    bills       reconciling                             the day after: bills against payments and ledger
    assembly    assembly                                from a config to a flow that is ready to use
    pages       operating  checkout                     what operators and payers look at and do
    diagnosis   diagnosis                               why a key, an address or a callback does not work
    opposite    sandbox                                 both real protocols from the other side, for trying and testing
    doors       intake  wsgi  asgi  cli  flask  django   how the outside comes in
    proofs      testing                                 contract suites and test services, importable by anybody

``payflow`` itself imports nothing of this until it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from .assembly import open_flow, open_wallet, open_worker
    from .clock import Clock
    from .config import Config, load
    from .errors import (
        CallbackRefused,
        ConfigError,
        GatewayError,
        IdempotencyRefused,
        InvalidRequest,
        NotFound,
        PayflowError,
        Refused,
        StoreConflict,
        StoreError,
        TokenRefused,
        TransitionNotAllowed,
    )
    from .flow import Flow, Result
    from .gateway import Callback, NextAction, Reply
    from .intake import Intake
    from .money import Money
    from .records import Attempt, Incident, Message, Payment, Refund
    from .store import Transaction
    from .trace import Trace
    from .wallet import Balance, Wallet
    from .worker import Handlers, Worker

#: name → the room it lives in; loaded when it is first used.
_ROOMS = {
    "open_flow": "assembly", "open_wallet": "assembly", "open_worker": "assembly",
    "Clock": "clock",
    "Config": "config", "load": "config",
    "CallbackRefused": "errors", "ConfigError": "errors", "GatewayError": "errors", "IdempotencyRefused": "errors",
    "InvalidRequest": "errors", "NotFound": "errors", "PayflowError": "errors", "Refused": "errors",
    "StoreConflict": "errors", "StoreError": "errors", "TokenRefused": "errors", "TransitionNotAllowed": "errors",
    "Flow": "flow", "Result": "flow",
    "Callback": "gateway", "NextAction": "gateway", "Reply": "gateway",
    "Intake": "intake",
    "Money": "money",
    "Attempt": "records", "Incident": "records", "Message": "records", "Payment": "records", "Refund": "records",
    "Transaction": "store",
    "Trace": "trace",
    "Balance": "wallet", "Wallet": "wallet",
    "Handlers": "worker", "Worker": "worker",
}  # fmt: skip

__all__ = [
    "Attempt", "Balance", "Callback", "CallbackRefused", "Clock", "Config", "ConfigError", "Flow", "GatewayError",
    "Handlers", "IdempotencyRefused", "Incident", "Intake", "InvalidRequest", "Message", "Money", "NextAction",
    "NotFound", "Payment", "PayflowError", "Refund", "Refused", "Reply", "Result", "StoreConflict", "StoreError",
    "TokenRefused", "Trace", "Transaction", "TransitionNotAllowed", "Wallet", "Worker", "__version__", "load", "open",
    "open_flow", "open_wallet", "open_worker",
]  # fmt: skip


def open(path: str | Path = "payflow.json", *, migrate: bool = False) -> Flow:  # noqa: A001 -- read as payflow.open
    """The flow that a config file describes, ready to use: keys parsed, schema checked.

    ``migrate`` brings the database schema up to date first; otherwise a schema that is older or newer is refused with
    ``STORE_SCHEMA_VERSION``. Raises ``ConfigError`` for anything in the file that cannot be right.
    """
    from .assembly import open_flow
    from .config import load

    return open_flow(load(path), migrate=migrate)


def __getattr__(name: str) -> Any:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module 'payflow' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{room}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
