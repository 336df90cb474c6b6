"""What the shop does when a payment has moved. payflow's worker calls each once for each message.

What is written here goes through the connection that the mark of the handler's work is written on: both commit, or
neither. The messages of a payment come in their order, one at a time.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any

from sqlalchemy import Executable, insert, select, update
from sqlalchemy.engine import Dialect, make_url

from payflow import Message, Transaction

from .model import Line, Order, Parcel, Tea

logger = logging.getLogger("flask_shop")

#: The driver's package → how SQLAlchemy calls it.
_DIALECTS = {"sqlite3": "sqlite+pysqlite", "psycopg": "postgresql+psycopg", "pymysql": "mysql+pymysql"}


def pack(message: Message, transaction: Transaction) -> None:
    """``payment.paid``: one parcel."""
    number = _told(message)["reference"]
    _run(transaction, insert(Parcel).values(order_number=number, packed_at=message.created_at))
    _run(transaction, update(Order).where(Order.number == number).values(state="packed"))
    logger.info("Order %s is packed", number)


def restock(message: Message, transaction: Transaction) -> None:
    """``payment.failed``, ``payment.cancelled``: nobody pays this any more, its teas go back on the shelf."""
    number = _told(message)["reference"]
    _run(transaction, update(Order).where(Order.number == number).values(state="ended"))
    lines = _run(transaction, select(Line.tea, Line.quantity).where(Line.order_number == number).order_by(Line.tea))
    for tea, bags in lines.fetchall():
        _run(transaction, update(Tea).where(Tea.name == tea).values(stock=Tea.stock + bags))
    logger.info("Order %s has ended unpaid", number)


def returned(message: Message, transaction: Transaction) -> None:
    """``payment.refunded``: all the money is back with the customer."""
    number = _told(message)["reference"]
    _run(transaction, update(Order).where(Order.number == number).values(state="returned"))


def refund_failed(message: Message, transaction: Transaction) -> None:
    """``refund.failed``: the gateway refused it; the staff see it again."""
    order = Order.payment_id == message.payment_id
    _run(transaction, update(Order).where(order).values(answer="failed", answer_why=""))
    logger.warning("A refund has failed payment_id=%s", message.payment_id)


def _told(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(message.body)
    return told


def _run(transaction: Transaction, statement: Executable) -> Any:
    """Run a statement of SQLAlchemy on the driver's connection of a transaction that is not SQLAlchemy's."""
    dialect = _dialect(type(transaction.connection).__module__.partition(".")[0])
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    values = compiled.params
    cursor = transaction.connection.cursor()
    cursor.execute(str(compiled), [values[name] for name in compiled.positiontup] if compiled.positional else values)
    return cursor


@cache
def _dialect(driver: str) -> Dialect:
    return make_url(f"{_DIALECTS[driver]}://").get_dialect()()
