"""The admin: a payment's story is read there, and nothing is edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from payflow import Money
from payflow.django import payflow

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
    listed = client.get(reverse("admin:payflow_payment_changelist"), {"q": "order-1"}).content.decode()
    assert payment.id in listed
    assert "12.50 CNY" in listed
    page = client.get(reverse("admin:payflow_payment_change", args=[payment.id])).content.decode()
    assert "pending since" in page
    assert page.count("<li><time>") == len(payflow().trace(payment.id).steps)
    assert "<svg" in page
    assert HOSTILE not in page
    assert host.count("pf_payment") == 1


@pytest.mark.parametrize("model", ["payment", "refund", "incident", "account"])
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
