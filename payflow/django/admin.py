"""The admin: payments, refunds, incidents and accounts of credit to look at, and the operator's desk to act from.

Nothing is edited here. A payment's page is the desk's: why it is where it is, everything that happened to it, and what
this member of staff may do about it (see :mod:`payflow.django.desk`); every act is written down.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import re_path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from ..clock import iso
from ..flow.walk import CHANNELS
from ..money import text_from_minor
from ..operating import Desk
from . import models
from .access import base_flow, setting
from .desk import desk_view, spoken

_COUNTED = 10_000


class CappedPaginator(Paginator):
    """Counts no further than it would take long: the last pages of a table of millions are nobody's."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list[:_COUNTED].count())


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looked at by whoever may view; added, changed and deleted by nobody."""

    change_list_template = "admin/payflow/change_list.html"
    show_full_result_count = False  # counting all of a large table takes longer than the page
    paginator = CappedPaginator

    def has_add_permission(self, request: Any) -> bool:  # noqa: ARG002 -- Django's signature
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def get_queryset(self, request: Any) -> Any:  # noqa: ARG002
        return self.model.objects.using(setting("USING"))

    def changelist_view(self, request: Any, extra_context: Any = None) -> HttpResponse:
        """The list, with a way to the desk."""
        desk = {"desk": reverse(f"{self.admin_site.name}:payflow_desk", args=[""]), "desk_name": spoken()("desk")}
        return super().changelist_view(request, {**(extra_context or {}), **desk})

    @admin.display(description=_("Amount"))
    def money(self, row: Any) -> str:
        """The amount as it is read: ``12.50 CNY``."""
        return f"{text_from_minor(row.amount, row.currency)} {row.currency}"

    @admin.display(description=_("Created"), ordering="id")
    def created(self, row: Any) -> str:
        """When it was made, in UTC."""
        return str(iso(row.created_at) or "")

    def desk(self, request: Any, *path: str) -> HttpResponse:
        """Send the browser to a page of the desk, if it may look."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:payflow_desk", args=["/".join(path)]))


class _Choice(admin.SimpleListFilter):
    """A filter by one column, whose choices are known without reading the table."""

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(value, value) for value in self.values()]

    def values(self) -> list[str]:
        """What the column may hold."""
        raise NotImplementedError

    def queryset(self, request: Any, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class StatusChoice(_Choice):
    """By state, of the host's own table if it has one."""

    title = _("status")
    parameter_name = "status"

    def values(self) -> list[str]:
        return list(base_flow().tables["payment"].states)


class AccountChoice(_Choice):
    """By the config's name of the account."""

    title = _("account")
    parameter_name = "account"

    def values(self) -> list[str]:
        return sorted(base_flow().gateways)


class ChannelChoice(_Choice):
    """By channel."""

    title = _("channel")
    parameter_name = "channel"

    def values(self) -> list[str]:
        return sorted(CHANNELS)


@admin.register(models.MODELS["Payment"])
class PaymentAdmin(ReadOnlyAdmin):
    """Payments, found by whatever they are called; a payment's page is the desk's."""

    list_display = ("id", "reference", "status", "money", "account", "channel", "created")
    list_filter = (StatusChoice, AccountChoice, ChannelChoice)
    search_fields = ("id",)
    search_help_text = _("Payment, order, trade or refund number, or your own reference")
    ordering = ("-id",)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        """By the desk's own way, which goes down an index for each name."""
        if not search_term.strip():
            return queryset, False
        return queryset.filter(id__in=[found.id for found in Desk(base_flow()).find(search_term)]), False

    def get_urls(self) -> list[Any]:
        """The desk lives below the payments."""
        view = self.admin_site.admin_view(desk_view(self.admin_site))
        return [re_path(r"^desk/(?P<path>.*)$", view, name="payflow_desk"), *super().get_urls()]

    def change_view(self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """A payment's page."""
        return self.desk(request, "payments", object_id)


@admin.register(models.MODELS["Refund"])
class RefundAdmin(ReadOnlyAdmin):
    """Refunds."""

    list_display = ("id", "payment_id", "status", "money", "created")
    search_fields = ("=id", "=payment_id")
    ordering = ("-id",)

    def change_view(self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """The page of its payment."""
        found = self.get_queryset(request).filter(pk=object_id).values_list("payment_id", flat=True).first()
        return self.desk(request, "payments", found or object_id)


@admin.register(models.MODELS["Incident"])
class IncidentAdmin(ReadOnlyAdmin):
    """What was authentic and refused, and waits for a person."""

    list_display = ("id", "kind", "status", "payment_id", "created")
    search_fields = ("=id", "=payment_id")
    ordering = ("-id",)

    def change_view(self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """The page of its payment, or the list of those without one."""
        found = self.get_queryset(request).filter(pk=object_id).values_list("payment_id", flat=True).first()
        return self.desk(request, "payments", found) if found else self.desk(request, "incidents")


@admin.register(models.MODELS["Account"])
class AccountAdmin(ReadOnlyAdmin):
    """Accounts of credit."""

    list_display = ("id", "balance", "held", "tier", "created")
    search_fields = ("=id", "=owner")
    ordering = ("id",)


@admin.register(models.MODELS["OperatorAction"])
class OperatorActionAdmin(ReadOnlyAdmin):
    """What people did at the desk, and what came of it."""

    list_display = ("id", "operator", "action", "target_kind", "target", "outcome", "code", "asked")
    search_fields = ("=id", "=payment_id")
    ordering = ("-id",)

    @admin.display(description=_("Asked"), ordering="id")
    def asked(self, row: Any) -> str:
        """When, in UTC."""
        return str(iso(row.at) or "")
