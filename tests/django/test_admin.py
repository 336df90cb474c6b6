"""The admin: a payment's story is read there, and nothing is edited."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.urls import resolve, reverse

from payflow import Money
from payflow.django import models, payflow

from .conftest import Host, hosted

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module", autouse=True)
def _users() -> None:
    call_command("migrate", database="default", verbosity=0)


@pytest.fixture
def host(migrated: Callable[[str], str]) -> Iterator[Host]:
    yield from hosted(migrated("sqlite"))


def signed_in(*, superuser: bool, staff: bool = True) -> Client:
    users = get_user_model().objects
    users.all().delete()
    user = users.create_user("ops", password="x", is_staff=staff, is_superuser=superuser)
    client = Client()
    client.force_login(user)
    return client


def made() -> Any:
    return (
        payflow()
        .pay(amount=Money(1250), channel="qr", action="buy", key="k", reference="order-1", description=HOSTILE)
        .payment
    )


def test_a_payment_is_found_and_its_story_told(host: Host) -> None:
    payment = made()
    client = signed_in(superuser=True)
    for name in ("order-1", payment.id, payment.out_trade_no):
        listed = client.get(reverse("admin:payflow_payment_changelist"), {"q": name}).content.decode()
        assert payment.id in listed
        assert "12.50 CNY" in listed
    assert payment.id not in client.get(reverse("admin:payflow_payment_changelist"), {"q": "rder"}).content.decode()
    page = client.get(reverse("admin:payflow_payment_change", args=[payment.id]), follow=True).content.decode()
    assert "pending since" in page
    assert page.count("<li><time") == len(payflow().trace(payment.id).steps)
    assert "machine.svg" in page
    assert HOSTILE not in page
    assert host.count("pf_payment") == 1


@pytest.mark.parametrize(("name", "value", "found"), [
    ("status", "pending", True), ("status", "paid", False), ("account", "mock", True), ("channel", "page", False),
])  # fmt: skip
def test_payments_are_filtered(host: Host, name: str, value: str, found: bool) -> None:
    payment = made()
    page = signed_in(superuser=True).get(reverse("admin:payflow_payment_changelist"), {name: value}).content.decode()
    assert (payment.id in page) is found


@pytest.mark.parametrize("model", ["payment", "refund", "incident", "account", "operatoraction"])
def test_nothing_is_added_changed_or_deleted(host: Host, model: str) -> None:
    payment = made()
    client = signed_in(superuser=True)
    assert client.get(reverse(f"admin:payflow_{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:payflow_{model}_add")).status_code == 403
    name = payment.id if model == "payment" else "x"
    for verb in ("change", "delete"):
        url = reverse(f"admin:payflow_{model}_{verb}", args=[name])
        assert client.post(url, {"status": "paid", "post": "yes"}).status_code in (302, 403)
    assert payflow().payment(payment.id) == payment


@pytest.mark.parametrize(("staff", "status"), [(True, 403), (False, 302)])
def test_who_may_not_look_is_refused(host: Host, staff: bool, status: int) -> None:
    payment = made()
    client = signed_in(superuser=False, staff=staff)
    for url in (
        reverse("admin:payflow_payment_changelist"), reverse("admin:payflow_payment_change", args=[payment.id]),
    ):  # fmt: skip
        assert client.get(url).status_code == status


def with_permissions(*names: str) -> Client:
    """A member of staff with these permissions alone."""
    client = signed_in(superuser=False)
    user = get_user_model().objects.get()
    for name in names:
        user.user_permissions.add(Permission.objects.get(codename=name, content_type__app_label="payflow"))
    return client


def forms_of(page: str) -> dict[str, dict[str, str]]:
    """The forms of the desk's page by their act: the fields they hold."""
    found = {}
    for act, inside in re.findall(r'<form method="post" action="[^"]*/do/(\w+)"[^>]*>(.*?)</form>', page, re.DOTALL):
        found[act] = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', inside))
    return found


ACTS = {
    "query_payment": "query", "refund_payment": "refund", "resolve_incident": "resolve", "replay_message": "replay",
    "run_refill": "refill", "change_refill_policy": "policy",
}  # fmt: skip


def test_staff_query_and_refund_in_the_admin_and_it_is_written_down(host: Host) -> None:
    payment = made()
    host.gateway.payer.pay(payment.out_trade_no)
    client = with_permissions("view_payment", "query_payment", "refund_payment")
    desk = reverse("admin:payflow_desk", args=[""])
    client.handler.enforce_csrf_checks = True
    page = client.get(f"{desk}payments/{payment.id}").content.decode()
    assert forms_of(page).keys() == {"query"}
    done = client.post(f"{desk}do/query", forms_of(page)["query"], follow=True)
    assert payflow().payment(payment.id).status == "paid"
    page = done.content.decode()
    fields = {**forms_of(page)["refund"], "amount": "2.50", "reason": "cold"}
    assert client.post(f"{desk}do/refund", {**fields, "csrfmiddlewaretoken": "x"}).status_code == 403
    assert client.post(f"{desk}do/refund", fields).status_code == 303
    kept = payflow().payment(payment.id)
    assert kept.refunded + kept.reserved == 250
    rows = models.MODELS["OperatorAction"].objects.using(host.using).order_by("id")
    assert [(row.operator, row.action, row.outcome) for row in rows] == [
        ("ops", "query", "done"), ("ops", "refund", "done"),
    ]  # fmt: skip


@pytest.mark.parametrize("permission", sorted(ACTS))
def test_each_act_needs_its_own_permission(host: Host, permission: str) -> None:
    payment = made()
    desk = reverse("admin:payflow_desk", args=[""])
    client = with_permissions("view_payment", *(name for name in ACTS if name != permission))
    page = client.get(f"{desk}payments/{payment.id}").content.decode()
    assert ACTS[permission] not in forms_of(page)
    fields = forms_of(client.get(f"{desk}refills").content.decode()).get("refill") or forms_of(page)["query"]
    told = {**fields, "target": payment.id, "how": "dismiss", "enabled": "on", "reason": "r"}
    assert client.post(f"{desk}do/{ACTS[permission]}", told).status_code == 403
    assert host.count("pf_operator_action") == 0


@pytest.mark.parametrize(("staff", "status"), [(True, 403), (False, 302)])
def test_the_desk_is_closed_to_whoever_may_not_look(host: Host, staff: bool, status: int) -> None:
    payment = made()
    client = signed_in(superuser=False, staff=staff)
    for path in ("", "payments", f"payments/{payment.id}", f"payments/{payment.id}/trace.json", "audit"):
        assert client.get(reverse("admin:payflow_desk", args=[path])).status_code == status
    assert client.post(reverse("admin:payflow_desk", args=["do/refund"]), {"target": payment.id}).status_code == status


@pytest.mark.parametrize(("lang", "name"), [("en", "Payments desk"), ("zh-hans", "支付操作台")])
def test_every_list_leads_to_the_desk(host: Host, lang: str, name: str) -> None:
    client = signed_in(superuser=True)
    for model in ("payment", "refund", "incident", "account", "operatoraction"):
        page = client.get(reverse(f"admin:payflow_{model}_changelist"), headers={"Accept-Language": lang})
        assert f'<a href="{reverse("admin:payflow_desk", args=[""])}">{name}</a>' in page.content.decode()
    assert host.count("pf_payment") == 0


def test_the_desk_speaks_the_language_of_the_browser(host: Host) -> None:
    client = signed_in(superuser=True)
    desk = reverse("admin:payflow_desk", args=[""])
    assert "总览" in client.get(desk, headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "Overview" in client.get(desk, headers={"Accept-Language": "en"}).content.decode()
    assert host.count("pf_payment") == 0


def test_with_atomic_requests_an_act_is_not_undone_with_the_page(host: Host) -> None:
    """The desk commits by itself whatever ATOMIC_REQUESTS says: what a gateway was asked for must not be forgotten."""
    view = resolve(reverse("admin:payflow_desk", args=["audit"])).func
    assert all(name in view._non_atomic_requests for name in ("default", host.using))


def test_check_names_the_database_that_is_really_used(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("payflow", "check")
    assert f"Django's database {host.using!r}" in capsys.readouterr().out
