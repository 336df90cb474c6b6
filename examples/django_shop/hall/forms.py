"""What visitors may send. Everything else a form holds is ignored; prices are not among it."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from .basket import MOST
from .ordering import WAYS


class SeatsForm(forms.Form):
    """How many seats of a concert; ``add`` puts them to those that are chosen already."""

    seats = forms.IntegerField(min_value=0, max_value=MOST)
    add = forms.BooleanField(required=False)


class OrderForm(forms.Form):
    """The order: its key makes a double click one order, its total is what the visitor has seen."""

    key = forms.CharField(max_length=40)
    total = forms.IntegerField(min_value=1)
    way = forms.ChoiceField(choices=[(way, way) for way in WAYS])


class ReturnForm(forms.Form):
    """Why tickets are given back."""

    REASONS = [
        ("cannot come", _("We cannot come that evening")),
        ("wrong evening", _("We took the wrong evening")),
        ("other", _("Another reason")),
    ]
    reason = forms.ChoiceField(choices=REASONS)
