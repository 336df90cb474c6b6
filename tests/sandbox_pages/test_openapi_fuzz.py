"""The OpenAPI description is the truth: a fuzzer that believes it finds nothing else."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from jsonschema import Draft202012Validator
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from payflow.sandbox import Material, Order, Refund, Sandbox, openapi
from payflow.sandbox import sandbox as whole
from payflow.sandbox.api.routes import ROUTES

from .conftest import put

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance,
]  # fmt: skip
SCHEMA = schemathesis.openapi.from_dict(openapi.description("http://127.0.0.1"))
#: The stream does not end; test_live.py is about it.
CONTROL = SCHEMA.include(tag="control").exclude(path="/sandbox/live")
FEW = hypothesis.settings(
    max_examples=25, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def running(material: Material) -> Iterator[Sandbox]:
    """A whole sandbox, with both real far sides, and something in its books."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "Material", lambda _: material)
        with Sandbox() as sandbox:
            for number in range(3):
                put(sandbox, f"ORDER_000{number}", notify_url="http://127.0.0.1:9/none")
            paid = sandbox.pay("ORDER_0001")
            sandbox.trades.refund(paid, Refund(
                gateway="alipay", merchant=paid.merchant, out_trade_no=paid.out_trade_no, out_refund_no="R1",
                number="R", amount=1, state="processing",
            ))  # fmt: skip
            yield sandbox


@pytest.mark.slow
@CONTROL.parametrize()
@FEW
def test_the_control_api_is_what_it_says(case: schemathesis.Case, running: Sandbox) -> None:
    case.call_and_validate(
        base_url=running.url, checks=[*CHECKS, negative_data_rejection, unsupported_method], timeout=20
    )


@pytest.mark.slow
@SCHEMA.exclude(tag="control").parametrize()
@FEW
def test_the_gateways_answer_strangers_as_described(case: schemathesis.Case, running: Sandbox) -> None:
    case.call_and_validate(base_url=running.url, checks=CHECKS, timeout=20)


def test_genuine_answers_are_as_described(running: Sandbox) -> None:
    """Paths that a fuzzer finds only with luck: there is such an order, callback, refund."""
    text = json.dumps(openapi.description(running.url))
    whole_document = json.loads(text)
    put(running, "FRESH", notify_url="http://127.0.0.1:9/none")
    walk = (
        ("GET", "/sandbox/orders", "OrderList"), ("GET", "/sandbox/orders/alipay/ORDER_0001", "OrderStory"),
        ("POST", "/sandbox/orders/alipay/FRESH/pay", "OrderAnswer"),
        ("GET", "/sandbox/callbacks", "CallbackList"), ("POST", "/sandbox/callbacks/1/send", "CallbackAnswer"),
        ("GET", "/sandbox/calls", "CallList"), ("GET", "/sandbox/faults", "FaultList"),
        ("GET", "/sandbox/counts", "Counts"), ("GET", "/sandbox/accounts", "Accounts"),
        ("POST", "/sandbox/certificates/alipay/rotate", "Rotation"),
        ("POST", "/sandbox/certificates/wechat/rotate", "Rotation"), ("GET", "/sandbox/clock", "Clock"),
    )  # fmt: skip
    for method, path, name in walk:
        answer = requests.request(method, running.url + path, timeout=20)
        assert answer.status_code == 200, (path, answer.text)
        schema = {"$ref": f"#/components/schemas/{name}", "components": whole_document["components"]}
        Draft202012Validator(schema).validate(answer.json())


def test_every_route_is_described_once() -> None:
    document = openapi.description("http://127.0.0.1")
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    for route in ROUTES:
        assert route.method.lower() in document["paths"][route.path]


def test_the_description_is_served(running: Sandbox) -> None:
    told = requests.get(f"{running.url}/openapi.json", timeout=10).json()
    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": running.url}]
    assert Order.__slots__  # the shapes come from these records


def test_alipay_signs_the_way_back_to_the_shop(running: Sandbox) -> None:
    put(running, "BACK_1", return_url="http://127.0.0.1:8000/thanks?cup=1")
    running.pay("BACK_1")
    shown = html.unescape(requests.get(f"{running.url}/cashier/alipay/BACK_1", timeout=10).text)
    found = re.search(r'href="(http://127\.0\.0\.1:8000/thanks[^"]+)"', shown)
    assert found is not None
    given = parse_qs(urlsplit(found[1]).query)
    assert given["cup"] == ["1"]
    assert given["out_trade_no"] == ["BACK_1"]
    assert given["sign"]
