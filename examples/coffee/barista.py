"""What the shop does once a coffee is paid: a handler. It runs once per payment, however often the gateway calls."""

from __future__ import annotations

import json
import logging

from payflow import Message, Transaction

logger = logging.getLogger("coffee.barista")


def make(message: Message, transaction: Transaction) -> None:
    """Put the cup on the counter: one row, committed together with the mark that this message is done."""
    told = json.loads(message.body)
    transaction.connection.execute("create table if not exists cup (payment_id text primary key, made_at integer)")
    transaction.connection.execute("insert into cup values (?, ?)", (message.payment_id, message.created_at))
    logger.info("A coffee for %s is on the counter", told["reference"])
