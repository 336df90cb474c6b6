"""``{% load reading %}``: amounts and days as they are read."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import pgettext

from payflow.money import text_from_minor

register = template.Library()


@register.filter
def yuan(fen: int) -> str:
    """``18000`` is ``¥180.00``."""
    return f"¥{text_from_minor(fen, 'CNY')}"


@register.filter
def evening(at: datetime) -> str:
    """The day of a concert: ``Thursday, 3 December``."""
    return str(date_format(timezone.localtime(at), pgettext("the day of a concert", "l, j F")))
