"""What happens once: called by the worker from the outbox, in the transaction that notes that it was done."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import F

from payflow import Message, Transaction

from .models import Concert, Order, Ticket

logger = logging.getLogger("hall.handlers")


def issue(message: Message, transaction: Transaction) -> None:  # noqa: ARG001 -- the ORM writes on the same connection
    """It is paid: a ticket for each seat."""
    order = Order.objects.get(payment=message.payment_id)
    for line in order.lines.all():
        Ticket.objects.bulk_create(Ticket(line=line, place=place) for place in range(1, line.seats + 1))
    _become(order, Order.Status.READY)


def release(message: Message, transaction: Transaction) -> None:  # noqa: ARG001
    """It will not be paid: its seats can be sold to others."""
    order = Order.objects.get(payment=message.payment_id)
    _free_seats(order)
    _become(order, Order.Status.RELEASED)


def take_back(message: Message, transaction: Transaction) -> None:  # noqa: ARG001
    """All its money has gone back: its tickets are void, its seats can be sold to others."""
    order = Order.objects.get(payment=message.payment_id)
    Ticket.objects.filter(line__order=order).update(void=True)
    _free_seats(order)
    _become(order, Order.Status.RETURNED)


def _free_seats(order: Order) -> None:
    for line in order.lines.all():
        Concert.objects.filter(pk=line.concert_id).update(seats_left=F("seats_left") + line.seats)


def _become(order: Order, status: Any) -> None:
    order.status = status
    order.save(update_fields=["status"])
    logger.info("Order %s: %s payment_id=%s", order.number, status, order.payment)
