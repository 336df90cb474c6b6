"""Admin pages to look at: payments with their story, refunds, incidents, accounts of credit. Nothing is edited here.

What an operator does goes through ``manage.py payflow incidents resolve`` and its like.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from ..clock import iso
from ..drawing import svg
from ..money import text_from_minor
from . import models
from .access import payflow


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looked at by whoever may view; added, changed and deleted by nobody."""

    def has_add_permission(self, request: Any) -> bool:  # noqa: ARG002 -- Django's signature
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def get_queryset(self, request: Any) -> Any:  # noqa: ARG002
        from .access import setting

        return self.model.objects.using(setting("USING"))

    @admin.display(description="amount")
    def money(self, row: Any) -> str:
        """The amount as it is read: ``12.50 CNY``."""
        return f"{text_from_minor(row.amount, row.currency)} {row.currency}"

    @admin.display(description="created", ordering="created_at")
    def created(self, row: Any) -> str:
        """When it was made, in UTC."""
        return str(iso(row.created_at) or "")


@admin.register(models.MODELS["Payment"])
class PaymentAdmin(ReadOnlyAdmin):
    """A payment: where it is and why, everything that happened to it, and the picture of its states."""

    list_display = ("id", "reference", "status", "money", "account", "channel", "created")
    list_filter = ("status", "account", "channel")
    search_fields = ("=id", "=reference", "=out_trade_no", "=gateway_txn", "=trace_id")
    ordering = ("-id",)
    show_full_result_count = False  # counting all payments of a large table takes longer than the page
    readonly_fields = ("why", "timeline", "states")
    fieldsets = (
        (None, {"fields": ("why", "states", "timeline")}),
        ("facts", {"fields": (
            "id", "reference", "status", "amount", "currency", "captured", "refunded", "reserved", "account", "channel",
            "out_trade_no", "gateway_txn", "trace_id", "description",
        )}),
    )  # fmt: skip

    @admin.display(description="why it is there")
    def why(self, row: Any) -> str:
        """One sentence."""
        return payflow().trace(row.id).why()

    @admin.display(description="timeline")
    def timeline(self, row: Any) -> SafeString:
        """Every receipt, attempt, transition, journal, incident and message, oldest first."""
        steps = ((str(iso(step.at) or ""), step.what, step.text) for step in payflow().trace(row.id).steps)
        return format_html(
            "<ol>{}</ol>", format_html_join("", "<li><time>{}</time> <strong>{}</strong> {}</li>", steps)
        )

    @admin.display(description="states")
    def states(self, row: Any) -> SafeString:
        """Its table, drawn, with where it is now."""
        flow = payflow()
        lang = "zh" if (get_language() or "").startswith("zh") else "en"
        drawn = svg(flow.tables["payment"], current=row.status, lang=lang, policies=flow.config.policies)
        return mark_safe(drawn)  # noqa: S308 -- our own drawing: nothing of it comes from outside


@admin.register(models.MODELS["Refund"])
class RefundAdmin(ReadOnlyAdmin):
    """Refunds."""

    list_display = ("id", "payment_id", "status", "amount", "created")
    list_filter = ("status",)
    search_fields = ("=id", "=payment_id", "=out_refund_no")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(models.MODELS["Incident"])
class IncidentAdmin(ReadOnlyAdmin):
    """What was authentic and refused, and waits for a person."""

    list_display = ("id", "kind", "status", "payment_id", "created")
    list_filter = ("status", "kind")
    search_fields = ("=id", "=payment_id", "=ref")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(models.MODELS["Account"])
class AccountAdmin(ReadOnlyAdmin):
    """Accounts of credit."""

    list_display = ("id", "balance", "held", "tier", "created")
    list_filter = ("unit", "tier")
    search_fields = ("=id", "=owner")
    ordering = ("id",)
    show_full_result_count = False
