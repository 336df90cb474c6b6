"""What the hall remembers: concerts with their seats, orders with their lines, tickets. Prices are whole fen."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

#: Letters and digits that nobody mistakes for one another when a number is read out.
_CLEAR = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


def order_number() -> str:
    """A number that cannot be guessed: ``LH-7F3KQ92D``."""
    return "LH-" + "".join(secrets.choice(_CLEAR) for _ in range(8))


def ticket_code() -> str:
    """What is read at the door."""
    return "".join(secrets.choice(_CLEAR) for _ in range(12))


class Concerts(models.QuerySet):
    """Rows of the programme."""

    def ahead(self) -> Any:
        """Those that have not begun: only for them are there seats to be had, and tickets to be given back."""
        return self.filter(starts_at__gt=timezone.now())


class Concert(models.Model):
    """One evening. ``seats_left`` is what can still be sold: less than none is refused by the database itself."""

    objects = Concerts.as_manager()

    slug = models.SlugField(_("name in addresses"), unique=True)
    place = models.PositiveSmallIntegerField(_("place in the programme"), default=0)
    title_en = models.CharField(_("title"), max_length=80)
    title_zh = models.CharField(_("title in Chinese"), max_length=80)
    players_en = models.CharField(_("players"), max_length=120)
    players_zh = models.CharField(_("players in Chinese"), max_length=120)
    about_en = models.TextField(_("about"))
    about_zh = models.TextField(_("about, in Chinese"))
    starts_at = models.DateTimeField(_("begins"))
    price = models.PositiveIntegerField(_("price in fen"))
    seats = models.PositiveIntegerField(_("seats"))
    seats_left = models.IntegerField(_("seats left"))

    class Meta:
        verbose_name = _("concert")
        verbose_name_plural = _("concerts")
        ordering = ("place",)
        constraints = [
            models.CheckConstraint(
                name="seats_left_of_seats", condition=Q(seats_left__gte=0) & Q(seats_left__lte=F("seats"))
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """In the visitor's language."""
        return str(self.title_zh if _chinese() else self.title_en)

    @property
    def players(self) -> str:
        """In the visitor's language."""
        return str(self.players_zh if _chinese() else self.players_en)

    @property
    def about(self) -> str:
        """In the visitor's language."""
        return str(self.about_zh if _chinese() else self.about_en)


def _chinese() -> bool:
    return (get_language() or "").startswith("zh")


class Order(models.Model):
    """Who wants which seats, and what has become of it.

    Whether it is paid is payflow's to know (``payment`` is its payment there); ``status`` says what the hall has done.
    """

    class Status(models.TextChoices):
        """What the hall has done."""

        WAITING = "waiting", _("waiting for payment")
        READY = "ready", _("tickets ready")
        RELEASED = "released", _("seats given up")
        RETURNED = "returned", _("given back")

    number = models.CharField(_("number"), max_length=20, unique=True, default=order_number)
    visitor = models.CharField(max_length=40, db_index=True)
    key = models.CharField(max_length=40)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    total = models.PositiveIntegerField(_("total in fen"))
    payment = models.CharField(_("payment"), max_length=40, db_index=True, default="")
    created_at = models.DateTimeField(_("ordered"), auto_now_add=True)
    return_asked_at = models.DateTimeField(_("return asked"), null=True, blank=True)
    return_reason = models.CharField(_("reason"), max_length=80, blank=True, default="")

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(name="one_order_per_form", fields=("visitor", "key"))]

    def __str__(self) -> str:
        return str(self.number)


class Line(models.Model):
    """Some seats of one concert, at the price they had when they were ordered."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    concert = models.ForeignKey(Concert, models.PROTECT)
    seats = models.PositiveSmallIntegerField(_("seats"))
    price = models.PositiveIntegerField(_("price in fen"))

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = [models.UniqueConstraint(name="one_line_per_concert", fields=("order", "concert"))]

    def __str__(self) -> str:
        return f"{self.seats} × {self.concert}"

    @property
    def sum(self) -> int:
        """Its price as a whole, in fen."""
        return int(self.seats * self.price)


class Ticket(models.Model):
    """One seat that was paid. ``place`` counts the seats of its line, so that none is issued twice."""

    line = models.ForeignKey(Line, models.CASCADE, related_name="tickets")
    place = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=12, unique=True, default=ticket_code)
    void = models.BooleanField(_("void"), default=False)

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        ordering = ("line", "place")
        constraints = [models.UniqueConstraint(name="one_ticket_per_seat", fields=("line", "place"))]

    def __str__(self) -> str:
        return str(self.code)
