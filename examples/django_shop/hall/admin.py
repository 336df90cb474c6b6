"""The box office: the programme is edited, orders are looked at, and their money is given back by whoever may.

Payments have pages of their own here, payflow's desk: what happened, why, and what can be done. This is the short way
to one of its acts, from a list of orders; it asks the same permission and is written down like any other.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from payflow import PayflowError
from payflow.django import payflow
from payflow.django.desk import PERMISSIONS, operator_of
from payflow.operating import Desk

from .models import Concert, Line, Order, Ticket
from .templatetags.reading import yuan

admin.site.site_header = admin.site.site_title = _("Lantern Hall, box office")


class ConcertForm(forms.ModelForm):
    """A concert may have more seats than before, or fewer, but none that was sold is taken away."""

    def clean_seats(self) -> int:
        """At least as many as are ordered already."""
        seats = int(self.cleaned_data["seats"])
        taken = self.instance.seats - self.instance.seats_left if self.instance.pk else 0
        if seats < taken:
            raise forms.ValidationError(_("%(taken)d seats are ordered already."), params={"taken": taken})
        return seats


@admin.register(Concert)
class ConcertAdmin(admin.ModelAdmin):
    """The programme."""

    form = ConcertForm
    list_display = ("title", "starts_at", "cost", "seats", "seats_left")
    prepopulated_fields = {"slug": ("title_en",)}
    readonly_fields = ("seats_left",)

    @admin.display(description=_("price"), ordering="price")
    def cost(self, row: Concert) -> str:
        """As it is read."""
        return yuan(row.price)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """A new concert has all its seats. Of an old one only what was changed is written: orders count its seats down
        meanwhile."""
        if not change:
            obj.seats_left = obj.seats
            super().save_model(request, obj, form, change)
            return
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        if "seats" in changed:
            changed["seats_left"] = F("seats_left") + changed["seats"] - F("seats")
        if changed:
            Concert.objects.filter(pk=obj.pk).update(**changed)


class _Looked(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002 -- Django's signature
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class LineInline(_Looked):
    """What was ordered."""

    model = Line
    fields = ("concert", "seats", "price")


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    """Orders: nobody writes to them here. Money goes back by an action, for whoever may refund payments."""

    list_display = ("number", "status", "cost", "return_asked_at", "payment_page")
    list_filter = ("status", ("return_asked_at", admin.EmptyFieldListFilter))
    search_fields = ("=number", "=payment")
    actions = ("give_back",)
    inlines = (LineInline,)
    fields = ("number", "status", "cost", "created_at", "return_asked_at", "return_reason", "payment_page", "tickets")
    readonly_fields = fields

    def has_add_permission(self, request: Any) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_refund_permission(self, request: Any) -> bool:
        """Asked by Django before it offers or runs :meth:`give_back`."""
        return bool(request.user.has_perm(PERMISSIONS["refund"]))

    @admin.display(description=_("total"), ordering="total")
    def cost(self, row: Order) -> str:
        """As it is read."""
        return yuan(row.total)

    @admin.display(description=_("payment"))
    def payment_page(self, row: Order) -> str:
        """To the payment, with its timeline."""
        address = reverse("admin:payflow_payment_change", args=[row.payment])
        return format_html('<a href="{}">{}</a>', address, _("What happened"))

    @admin.display(description=_("tickets"))
    def tickets(self, row: Order) -> str:
        """Their codes; those that are void in brackets."""
        found = Ticket.objects.filter(line__order=row)
        return " ".join(f"({ticket.code})" if ticket.void else ticket.code for ticket in found) or "–"

    @admin.action(description=_("Give the money of the selected orders back"), permissions=["refund"])
    def give_back(self, request: Any, queryset: Any) -> None:
        """A refund of all that is left: asked for twice, the second one finds nothing."""
        desk, who = Desk(payflow()), operator_of(request)
        begun = 0
        for order in queryset:
            try:
                act = desk.do(who, "refund", order.payment, {"reason": order.return_reason})
            except PayflowError as error:
                messages.error(request, f"{order.number}: {error}")
                continue
            if act.outcome == "refused":
                messages.error(request, f"{order.number}: {act.code}")
            else:
                begun += 1
        if begun:
            told = ngettext("%d refund is on its way.", "%d refunds are on their way.", begun) % begun
            messages.success(request, told)
