"""What the schema cannot say: accounts, routes, ceilings, durations and addresses that do not fit together."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from payflow.config import load
from payflow.config.address import masked
from payflow.errors import ConfigError
from payflow.routing import Rule
from payflow.trust import Ceiling

from .documents import ENVIRON, loaded, problems, right

MOCK = {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}}


@pytest.fixture
def host() -> Iterator[types.ModuleType]:
    """A module of the host with functions the config can name."""
    module = types.ModuleType("shop_for_config_tests")
    module.is_member = lambda facts: True  # type: ignore[attr-defined]
    module.Rules = type("Rules", (), {"night": staticmethod(lambda facts: False)})  # type: ignore[attr-defined]
    module.NUMBER = 5  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


# -- accounts ------------------------------------------------------------------------------------------------------


def test_b190_the_mock_gateway_is_refused_in_production() -> None:
    assert problems(environment="production")["$.gateways.mock.gateway"].code == "CONFIG_MOCK_IN_PRODUCTION"


@pytest.mark.parametrize("environment", ["development", "test"])
def test_the_mock_gateway_is_welcome_elsewhere(environment: str) -> None:
    assert loaded(environment=environment).accounts["mock"].gateway == "mock"


def alipay(**changes: Any) -> dict[str, Any]:
    key = {"env": "ALIPAY_KEY"}
    return {"gateway": "alipay", "app_id": "2021" * 4, "seller_id": "2088" * 4, "alipay_public_key": key, **changes}


def test_b190_a_sandbox_is_refused_in_production() -> None:
    found = problems({"ALIPAY_KEY": "MIIB"}, environment="production", gateways={"a": alipay(sandbox=True)})
    assert found["$.gateways.a.sandbox"].code == "CONFIG_MOCK_IN_PRODUCTION"


def test_an_alipay_account_in_production() -> None:
    config = loaded({"ALIPAY_KEY": "MIIB"}, environment="production", payment_gateway="a", gateways={"a": alipay()})
    assert dict(config.accounts["a"].options, alipay_public_key=None) == {
        "app_id": "2021" * 4, "seller_id": "2088" * 4, "alipay_public_key": None, "sandbox": False,
    }  # fmt: skip


def test_b191_two_names_for_one_account() -> None:
    found = problems(gateways={"mock": MOCK, "again": dict(MOCK)})
    assert found["$.gateways.again"].code == "CONFIG_DUPLICATE_ACCOUNT"
    assert "same mock account as 'mock'" in found["$.gateways.again"].message


def test_two_accounts_of_one_gateway_differ_by_app_or_merchant() -> None:
    config = loaded(gateways={"mock": MOCK, "other": {**MOCK, "app": "other-app"}})
    assert list(config.accounts) == ["mock", "other"]


# -- routes --------------------------------------------------------------------------------------------------------


def test_payment_gateway_alone_is_the_fallback() -> None:
    assert loaded().routes == (Rule(name="payment_gateway", account="mock", fallback=True),)


def test_b191_neither_routes_nor_payment_gateway() -> None:
    document = right()
    del document["payment_gateway"]
    with pytest.raises(ConfigError) as caught:
        load(document, ENVIRON)
    assert caught.value.code == "CONFIG_MISSING_ROUTE"


def test_b158_an_account_nobody_declared() -> None:
    found = problems(payment_gateway="mokc")["$.payment_gateway"]
    assert (found.code, found.message) == (
        "CONFIG_UNKNOWN_ACCOUNT", "is no account under gateways; did you mean 'mock'?"
    )  # fmt: skip


def test_b158_a_route_to_an_account_nobody_declared() -> None:
    found = problems(routes=[{"name": "r", "when": {"channel": "qr"}, "gateway": "nowhere"}])
    assert found["$.routes[0].gateway"].message == "is no account under gateways; there are mock"


def test_with_routes_payment_gateway_takes_nothing_by_itself() -> None:
    routes = [{"name": "qr", "when": {"channel": "qr"}, "gateway": "mock"}]
    assert [rule.name for rule in loaded(routes=routes).routes] == ["qr"]


def test_a_fallback_without_a_gateway_goes_to_payment_gateway() -> None:
    other = {**MOCK, "app": "b"}
    routes = [{"name": "qr", "when": {"channel": "qr"}, "gateway": "b"}, {"name": "rest", "fallback": True}]
    config = loaded(gateways={"mock": MOCK, "b": other}, routes=routes)
    assert config.routes[1] == Rule(name="rest", account="mock", fallback=True)


def test_a_full_rule(host: types.ModuleType) -> None:
    when = {
        "channel": ["qr", "barcode"], "amount": {"min": "0.01", "max": "50.00"},
        "extra": {"shop": "a", "level": [1, True]}, "predicate": "shop_for_config_tests:Rules.night",
    }  # fmt: skip
    (rule,) = loaded(routes=[{"name": "r", "when": when, "gateway": "mock"}]).routes
    assert rule == Rule(
        name="r", account="mock", channels=("qr", "barcode"), currencies=("CNY",), minimum=1, maximum=5000,
        extra=(("shop", ("a",)), ("level", (1, True))), predicate=host.Rules.night,
        predicate_name="shop_for_config_tests:Rules.night",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("when", "path", "code"),
    [
        ({"amount": {"min": "2.00", "max": "1.00"}}, ".when.amount", "CONFIG_RANGE"),
        ({"amount": {"min": "1.0"}}, ".when.amount.min", "CONFIG_VALUE"),
        ({"amount": {"min": 1}}, ".when.amount.min", "CONFIG_TYPE"),
        ({"amount": {"max": "-1.00"}}, ".when.amount.max", "CONFIG_VALUE"),
        ({"amount": {"max": "1.00"}, "currency": "JPY"}, ".when.amount.max", "CONFIG_VALUE"),
        ({"amount": {"max": "1.00"}, "currency": ["CNY", "HKD"]}, ".when.amount", "CONFIG_VALUE"),
        ({"amount": {"max": "999999999999999.00"}}, ".when.amount.max", "CONFIG_VALUE"),
        ({"currency": "RMB"}, ".when.currency", "CONFIG_VALUE"),
        ({"currency": "cny"}, ".when.currency", "CONFIG_VALUE"),
        ({"channel": "web"}, ".when.channel", "CONFIG_VALUE"),
        ({"channel": []}, ".when.channel", "CONFIG_VALUE"),
        ({}, ".when", "CONFIG_VALUE"),
        ({"extra": {"a": 1.5}}, ".when.extra.a", "CONFIG_TYPE"),
        ({"predicate": "no_such_module_at_all:f"}, ".when.predicate", "CONFIG_UNKNOWN_FUNCTION"),
        ({"predicate": "json:lodas"}, ".when.predicate", "CONFIG_UNKNOWN_FUNCTION"),
        ({"predicate": "shop_for_config_tests:NUMBER"}, ".when.predicate", "CONFIG_UNKNOWN_FUNCTION"),
        ({"predicate": "os.system"}, ".when.predicate", "CONFIG_VALUE"),
    ],
)
def test_conditions_that_cannot_be_meant(host: Any, when: dict[str, Any], path: str, code: str) -> None:
    found = problems(routes=[{"name": "r", "when": when, "gateway": "mock"}])
    assert found[f"$.routes[0]{path}"].code == code, found


def test_a_misspelt_predicate_gets_its_nearest_spelling() -> None:
    found = problems(routes=[{"name": "r", "when": {"predicate": "json:lodas"}, "gateway": "mock"}])
    assert "did you mean 'loads'?" in found["$.routes[0].when.predicate"].message


@pytest.mark.parametrize(
    ("routes", "path", "code"),
    [
        ([{"name": "r", "gateway": "mock"}], "$.routes[0].when", "CONFIG_MISSING_FIELD"),
        ([{"name": "r", "fallback": False, "gateway": "mock"}], "$.routes[0].when", "CONFIG_MISSING_FIELD"),
        ([{"name": "r", "when": {"channel": "qr"}}], "$.routes[0].gateway", "CONFIG_MISSING_FIELD"),
        ([{"name": "r", "fallback": True, "when": {"channel": "qr"}}], "$.routes[0].when", "CONFIG_INVALID"),
        ([{"name": "r", "fallback": True}, {"name": "s", "fallback": True}], "$.routes[0].fallback", "CONFIG_INVALID"),
        ([{"name": "r", "fallback": True}] * 2, "$.routes[1].name", "CONFIG_DUPLICATE_NAME"),
        ([{"name": "", "fallback": True}], "$.routes[0].name", "CONFIG_VALUE"),
    ],
)
def test_b191_routes_that_cannot_be_meant(routes: list[Any], path: str, code: str) -> None:
    assert problems(routes=routes)[path].code == code


def test_a_fallback_needs_some_account() -> None:
    document = right(routes=[{"name": "r", "fallback": True}])
    del document["payment_gateway"]
    with pytest.raises(ConfigError) as caught:
        load(document, ENVIRON)
    assert (caught.value.code, caught.value.path) == ("CONFIG_MISSING_ROUTE", "$.routes[0].gateway")


# -- trust ---------------------------------------------------------------------------------------------------------


def test_trusted_actions_with_and_without_ceilings() -> None:
    ceilings = {"CNY": {"per_payment": "50.00", "per_day": "200.00"}, "JPY": {"per_day": "3000"}}
    plain, limited = loaded(trusted_actions=["coffee", {"action": "beans", "ceilings": ceilings}]).trusted_actions
    assert (plain.action, plain.ceilings) == ("coffee", None)
    assert limited.ceilings == {"CNY": Ceiling(5000, 20000), "JPY": Ceiling(None, 3000)}


@pytest.mark.parametrize(
    ("action", "path", "code"),
    [
        ({"action": "a", "ceilings": {}}, ".ceilings", "CONFIG_VALUE"),
        ({"action": "a", "ceilings": {"CNY": {}}}, ".ceilings.CNY", "CONFIG_VALUE"),
        ({"action": "a", "ceilings": {"CNY": {"per_day": "0.00"}}}, ".ceilings.CNY.per_day", "CONFIG_RANGE"),
        ({"action": "a", "ceilings": {"CNY": {"per_day": 5}}}, ".ceilings.CNY.per_day", "CONFIG_TYPE"),
        ({"action": "a", "ceilings": {"JPY": {"per_day": "5.00"}}}, ".ceilings.JPY.per_day", "CONFIG_VALUE"),
        ({"action": "a", "ceilings": {"XXX": {"per_day": "5.00"}}}, ".ceilings.XXX", "CONFIG_VALUE"),
        ({"action": "a", "ceilings": {"cny": {"per_day": "5.00"}}}, ".ceilings.cny", "CONFIG_INVALID"),
        ({"ceilings": {"CNY": {"per_day": "5.00"}}}, ".action", "CONFIG_MISSING_FIELD"),
        ({"action": "a", "ceiling": {}}, ".ceiling", "CONFIG_UNKNOWN_FIELD"),
        ("", "", "CONFIG_VALUE"),
        (5, "", "CONFIG_TYPE"),
    ],
)
def test_ceilings_that_cannot_be_meant(action: Any, path: str, code: str) -> None:
    assert problems(trusted_actions=[action])[f"$.trusted_actions[0]{path}"].code == code


def test_an_action_declared_twice() -> None:
    assert problems(trusted_actions=["a", {"action": "a"}])["$.trusted_actions[1]"].code == "CONFIG_DUPLICATE_NAME"


# -- durations, names, addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"timeouts": {"read_seconds": 30}}, "$.timeouts.total_seconds"),
        ({"timeouts": {"connect_seconds": 21}}, "$.timeouts.total_seconds"),
        ({"timeouts": {"total_seconds": 60}}, "$.idempotency.lease_seconds"),
        ({"worker": {"lease_seconds": 20}}, "$.worker.lease_seconds"),
        ({"worker": {"first_check_seconds": 60, "longest_check_seconds": 30}}, "$.worker.longest_check_seconds"),
    ],
)
def test_b193_durations_that_need_each_other(change: dict[str, Any], path: str) -> None:
    assert problems(**change)[path].code == "CONFIG_UNIT"


def test_handlers_have_names_of_their_own() -> None:
    handler = {"name": "h", "on": ["payment.paid"], "call": "a.b:c"}
    assert problems(handlers=[handler, handler])["$.handlers[1].name"].code == "CONFIG_DUPLICATE_NAME"


def test_a_handler_is_imported_when_it_is_wanted() -> None:
    handlers = [
        {"name": "h", "on": ["payment.paid"], "call": "json:loads"},
        {"name": "i", "on": ["refund.failed"], "call": "no_such_module:f"},
    ]
    first, second = loaded(handlers=handlers).handlers
    assert first.function() is json.loads
    with pytest.raises(ConfigError) as caught:
        second.function()
    assert caught.value.code == "CONFIG_UNKNOWN_FUNCTION"


@pytest.mark.parametrize("name", ["Asia/Shangai", "../../etc/passwd", "", "Asia", "Mars/Base\x00"])
def test_a_time_zone_nobody_has(name: str) -> None:
    assert problems(time_zone=name)["$.time_zone"].code in ("CONFIG_UNKNOWN_TIME_ZONE", "CONFIG_VALUE")


def test_time_zones() -> None:
    assert loaded(time_zone="UTC").zone == ZoneInfo("UTC")
    assert "Asia/Shanghai" in problems(time_zone="Asia/Shangai")["$.time_zone"].message


@pytest.mark.parametrize(
    "url",
    [
        "shop.example.com", "ftp://a.example", "https://", "https://user@a.example", "https://a.example/?x=1",
        "https://a.example/#f", "https://ä.example", "https://a.example:99999", "https://[::1", "javascript:alert(1)",
        "https://a.example /x",
    ],
)  # fmt: skip
def test_b128_an_address_gateways_cannot_call(url: str) -> None:
    assert problems(callbacks={"base_url": url})["$.callbacks.base_url"].code == "CONFIG_VALUE"


@pytest.mark.parametrize("url", ["http://a.example/x", "http://localhost:8000"])
def test_b128_plain_http_is_refused_in_production(url: str) -> None:
    found = problems(
        {"ALIPAY_KEY": "MIIB"}, environment="production", payment_gateway="a", gateways={"a": alipay()},
        callbacks={"base_url": url},
    )  # fmt: skip
    assert found["$.callbacks.base_url"].code == "CONFIG_INSECURE_URL"


def test_a_base_url_ends_without_a_slash() -> None:
    assert loaded(callbacks={"base_url": "https://a.example/pay/"}).callbacks.base_url == "https://a.example/pay"


@pytest.mark.parametrize(
    "url",
    ["payflow.db", "sqlite:payflow.db", "sqlite://payflow.db", "oracle://h/d", "http://h", "sqlite:///a b", "\x00"],
)
def test_a_database_payflow_does_not_know(url: str) -> None:
    assert problems(store={"url": url})["$.store.url"].code == "CONFIG_VALUE"


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:////abs/x.db", "postgresql://app@h/d", "postgresql+psycopg:///d", "mariadb+pymysql://h/d"],
)
def test_databases_payflow_knows(url: str) -> None:
    assert loaded(store={"url": url}).store.url.text() == url


def test_relative_paths_lie_beside_the_config(tmp_path: Path) -> None:
    account = {**MOCK, "state": "mock.db"}
    document = right(gateways={"mock": account}, store={"url": "sqlite:///x/y.db"})
    (tmp_path / "payflow.json").write_text(json.dumps(document))
    config = load(tmp_path / "payflow.json", ENVIRON)
    assert config.store.url.text() == f"sqlite:///{tmp_path}/x/y.db"
    assert config.accounts["mock"].options["state"] == tmp_path / "mock.db"
    assert config.path == tmp_path / "payflow.json"


def test_b194_a_password_in_the_file_is_refused() -> None:
    found = problems(store={"url": "postgresql://app:hunter2@h/d"})["$.store.url"]
    assert found.code == "CONFIG_LITERAL_SECRET"
    assert "hunter2" not in found.message


def test_b194_a_database_by_reference() -> None:
    config = loaded({"DB": "postgresql://app:hunter2@h/d?sslpassword=hunter3"}, store={"url": {"env": "DB"}})
    assert config.store.url.text().endswith("hunter3")
    assert config.store.shown_url == "postgresql://app:***@h/d?sslpassword=***"
    assert "hunter" not in repr(config)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:pa@ss@h/d", "postgresql://u:pa/ss@h/d", "mysql+pymysql://u:pass@h:3306/d",
        "postgresql://h/d?user=u&password=pass", "postgresql://:pass@/d", "postgresql://u:pa:ss@h/d",
    ],
)  # fmt: skip
def test_b194_no_part_of_a_password_survives_masking(url: str) -> None:
    assert "ss" not in masked(url).removeprefix("postgresql").replace("password", "")
    assert "pa" not in masked(url).replace("password", "")


# -- the whole -----------------------------------------------------------------------------------------------------


def test_b195_a_config_never_changes() -> None:
    config = loaded()
    for owner, name in ((config, "secret"), (config.store, "url"), (config.timeouts, "read_seconds")):
        with pytest.raises(AttributeError):
            setattr(owner, name, None)
    for mapping in (config.accounts, config.policies, config.accounts["mock"].options):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]


def test_tables_are_handed_on_as_they_stand() -> None:
    assert loaded(tables={"payment": {"states": ["created"]}}).tables == {"payment": {"states": ["created"]}}
