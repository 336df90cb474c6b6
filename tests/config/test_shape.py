"""The schema's own rules: spellings, types, ranges, defaults; and what the environment overrides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow import schema_files
from payflow.config import load
from payflow.config.shape import SCHEMA, children, resolved, schema
from payflow.errors import ConfigError

from .documents import ENVIRON, loaded, problems, right


def test_the_smallest_config_gets_every_default() -> None:
    config = loaded()
    assert (config.environment, config.auto_confirm_order, config.log_level) == ("development", False, "INFO")
    assert (config.context_retention.enabled, config.context_retention.ttl_seconds) == (True, 300)
    assert (config.timeouts.payment_seconds, config.timeouts.callback_tolerance_seconds) == (900, 300)
    assert config.idempotency.retention_seconds == 7 * 86400
    assert config.callbacks.max_bytes == 65536
    assert config.policies == {"late_payment": "hold", "spent_topup": "refuse"}
    assert config.time_zone == "Asia/Shanghai"


def test_the_schema_is_a_valid_draft_2020_12_schema_and_its_example_is_right() -> None:
    from jsonschema import Draft202012Validator

    document = schema_files.load(SCHEMA)
    Draft202012Validator.check_schema(document)
    for example in document["examples"]:
        Draft202012Validator(document).validate(example)
        assert load(example, {**ENVIRON, "PAYFLOW_MOCK_SECRET": ENVIRON["MOCK_SECRET"]}).payment_gateway == "mock"


def every_property(node: dict[str, Any], path: str = "$") -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for name, child in children(node, {}).items():
        found += [(f"{path}.{name}", child), *every_property(child, f"{path}.{name}")]
    if isinstance(node.get("items"), dict):
        found += every_property(resolved(node["items"]), f"{path}[]")
    return found


def test_every_property_is_described_for_editors_and_docs() -> None:
    nodes = every_property(resolved(schema()))
    for name in ("mock", "alipay", "wechat", "route", "secret", "ceiling"):
        nodes += every_property(schema()["$defs"][name], name)
    assert len(nodes) > 60
    assert [path for path, node in nodes if len(node.get("description", "")) < 8] == []


def test_every_default_satisfies_its_own_schema() -> None:
    from jsonschema import Draft202012Validator

    for path, node in every_property(resolved(schema())):
        if "default" in node:
            rule = {**node, "$defs": schema()["$defs"]}
            assert list(Draft202012Validator(rule).iter_errors(node["default"])) == [], path


def test_dollar_schema_is_accepted() -> None:
    assert loaded(**{"$schema": "config.v1.schema.json"}).environment == "development"


@pytest.mark.parametrize(
    ("change", "path", "suggestion"),
    [
        ({"payment_gatway": "mock"}, "$.payment_gatway", "did you mean 'payment_gateway'?"),
        ({"paymentGateway": "mock"}, "$.paymentGateway", "did you mean 'payment_gateway'?"),
        ({"auto-confirm-order": True}, "$.auto-confirm-order", "did you mean 'auto_confirm_order'?"),
        ({"context_retention": {"ttl": 300}}, "$.context_retention.ttl", "did you mean 'ttl_seconds'?"),
        ({"ttl_seconds": 300}, "$.ttl_seconds", "did you mean $.context_retention.ttl_seconds?"),
        ({"store": {"pol_size": 3}}, "$.store.pol_size", "did you mean 'pool_size'?"),
        ({"a b\n": 1}, "$['a b\\n']", "is not a known setting"),
    ],
)
def test_b179_an_unknown_key_is_named_with_the_nearest_spelling(
    change: dict[str, Any], path: str, suggestion: str
) -> None:
    found = problems(**change)
    assert found[path].code == "CONFIG_UNKNOWN_FIELD"
    assert suggestion in found[path].message


def test_b179_an_unknown_key_of_an_account() -> None:
    account = {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}, "merchnt": "m"}
    found = problems(gateways={"mock": account})
    assert found["$.gateways.mock.merchnt"].message.endswith("did you mean 'merchant'?")


@pytest.mark.parametrize(
    ("change", "path", "code", "reason"),
    [
        ({"auto_confirm_order": "no"}, "$.auto_confirm_order", "CONFIG_TYPE", "true or false"),
        ({"auto_confirm_order": 0}, "$.auto_confirm_order", "CONFIG_TYPE", "true or false"),
        ({"payment_gateway": 5}, "$.payment_gateway", "CONFIG_TYPE", "write it in quotes"),
        ({"version": 2}, "$.version", "CONFIG_VALUE", "has to be 1"),
        ({"version": True}, "$.version", "CONFIG_VALUE", "has to be 1"),
        ({"environment": "prod"}, "$.environment", "CONFIG_VALUE", "did you mean 'production'?"),
        ({"worker": {"batch": 1.0}}, "$.worker.batch", "CONFIG_TYPE", "a whole number"),
        ({"worker": {"batch": True}}, "$.worker.batch", "CONFIG_TYPE", "a whole number"),
        ({"worker": {"batch": 0}}, "$.worker.batch", "CONFIG_RANGE", "from 1 to 10000"),
        ({"gateways": {}}, "$.gateways", "CONFIG_VALUE", "at least 1"),
        ({"gateways": {"a__b": {"gateway": "mock"}}}, "$.gateways.a__b", "CONFIG_INVALID", "not a name"),
        ({"policies": {"late_payment": "keep"}}, "$.policies.late_payment", "CONFIG_VALUE", "refund, accept, hold"),
        ({"store": []}, "$.store", "CONFIG_TYPE", "an object"),
        ({"timeouts": "5s"}, "$.timeouts", "CONFIG_TYPE", "an object"),
    ],
)
def test_b178_wrong_types_and_values(change: dict[str, Any], path: str, code: str, reason: str) -> None:
    found = problems(**change)
    assert (found[path].code, reason in found[path].message) == (code, True), found[path]


@pytest.mark.parametrize("value", [0, -1, 10**9, "5m", "300", None, True, [1]])
@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("timeouts", "read_seconds"),
        ("timeouts", "callback_tolerance_seconds"),
        ("context_retention", "ttl_seconds"),
        ("idempotency", "lease_seconds"),
        ("store", "busy_timeout_seconds"),
        ("worker", "poll_seconds"),
    ],
)
def test_b193_seconds_are_numbers_in_a_range(section: str, name: str, value: object) -> None:
    found = problems(**{section: {name: value}})
    assert found[f"$.{section}.{name}"].code == "CONFIG_UNIT"
    assert "of seconds from" in found[f"$.{section}.{name}"].message


def test_b193_milliseconds_have_no_name_here() -> None:
    assert problems(timeouts={"read_ms": 500})["$.timeouts.read_ms"].code == "CONFIG_UNKNOWN_FIELD"


def test_every_duration_carries_its_unit_and_a_range() -> None:
    for path, node in every_property(resolved(schema())):
        if "seconds" in path:
            assert path.endswith("_seconds")
            assert node["minimum"] > 0
            assert node["maximum"] <= 31_536_000


@pytest.mark.parametrize("name", ["verify", "ssl_verify", "verify_ssl", "insecure"])
def test_b188_tls_verification_cannot_be_switched_off(name: str) -> None:
    account = {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}, name: False}
    assert problems(gateways={"mock": account})[f"$.gateways.mock.{name}"].code == "CONFIG_INSECURE_TLS"


def test_b189_a_gateway_has_no_address_to_override() -> None:
    account = {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}, "base_url": "http://evil.example"}
    assert problems(gateways={"mock": account})["$.gateways.mock.base_url"].code == "CONFIG_UNKNOWN_FIELD"


def test_a_line_break_at_the_end_of_an_id_is_refused() -> None:
    account = {
        "gateway": "alipay",
        "app_id": "2021000000000000\n",
        "seller_id": "2088000000000000",
        "alipay_public_key": {"env": "KEY"},
    }
    assert problems({"KEY": "x"}, gateways={"a": account})["$.gateways.a.app_id"].code == "CONFIG_VALUE"


def test_b178_an_app_id_written_as_a_number() -> None:
    account = {"gateway": "alipay", "app_id": 2021000000000000, "seller_id": "2088000000000000"}
    assert "in quotes" in problems(gateways={"a": account})["$.gateways.a.app_id"].message


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = problems(
        sekret=1, payment_gateway="nowhere", timeouts={"read_seconds": 0}, handlers=[{"name": "h"}], time_zone="Mars"
    )
    assert {
        "$.sekret", "$.payment_gateway", "$.timeouts.read_seconds", "$.handlers[0].on", "$.handlers[0].call",
        "$.time_zone",
    } == set(found)  # fmt: skip


def test_the_error_names_the_first_problem_and_counts_all() -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(zzz=1, yyy=2)
    assert caught.value.path == "$.zzz"
    assert "config has 2 problems" in caught.value.message


# -- overrides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        ("PAYFLOW__LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("PAYFLOW__AUTO_CONFIRM_ORDER", "true", "auto_confirm_order", True),
        ("PAYFLOW__TIMEOUTS__READ_SECONDS", "2.5", "timeouts.read_seconds", 2.5),
        ("PAYFLOW__WORKER__BATCH", "7", "worker.batch", 7),
        ("PAYFLOW__CALLBACKS__BASE_URL", "https://a.example", "callbacks.base_url", "https://a.example"),
        ("PAYFLOW__VERSION", "1", "environment", "development"),
    ],
)
def test_a_scalar_is_overridden_by_the_environment(variable: str, text: str, path: str, value: object) -> None:
    found: Any = loaded({variable: text})
    for part in path.split("."):
        found = getattr(found, part)
    assert (found, type(found)) == (value, type(value))


def test_an_override_wins_over_the_file_and_is_named_as_the_source() -> None:
    config = loaded({"PAYFLOW__STORE__POOL_SIZE": "9"}, store={"pool_size": 3})
    row = next(value for value in config.effective if value.path == "store.pool_size")
    assert (row.value, row.source, row.where) == ("9", "environment", "PAYFLOW__STORE__POOL_SIZE")


def test_an_account_is_overridden_by_its_name_in_capitals() -> None:
    account = {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}}
    config = loaded(
        {"PAYFLOW__GATEWAYS__SHOP_1__MERCHANT": "m-1"}, gateways={"shop-1": account}, payment_gateway="shop-1"
    )
    assert config.accounts["shop-1"].options["merchant"] == "m-1"


@pytest.mark.parametrize(
    ("variable", "text", "path", "code"),
    [
        ("PAYFLOW__STOR__URL", "x", "$.stor", "CONFIG_UNKNOWN_FIELD"),
        ("PAYFLOW__STORE__URLL", "x", "$.store.urll", "CONFIG_UNKNOWN_FIELD"),
        ("PAYFLOW__WORKER__BATCH", "many", "$.worker.batch", "CONFIG_TYPE"),
        ("PAYFLOW__WORKER__BATCH", "1.5", "$.worker.batch", "CONFIG_TYPE"),
        ("PAYFLOW__AUTO_CONFIRM_ORDER", "yes", "$.auto_confirm_order", "CONFIG_TYPE"),
        ("PAYFLOW__TIMEOUTS__READ_SECONDS", "1e3", "$.timeouts.read_seconds", "CONFIG_UNIT"),
        ("PAYFLOW__TIMEOUTS__READ_SECONDS", "٣", "$.timeouts.read_seconds", "CONFIG_UNIT"),
        ("PAYFLOW__SECRET", "literal", "$.secret", "CONFIG_LITERAL_SECRET"),
        ("PAYFLOW__ROUTES", "[]", "$.routes", "CONFIG_INVALID"),
        ("PAYFLOW__GATEWAYS__OTHER__GATEWAY", "mock", "$.gateways.other", "CONFIG_UNKNOWN_FIELD"),
        ("PAYFLOW__", "x", "$['']", "CONFIG_UNKNOWN_FIELD"),
    ],
)
def test_overrides_are_checked_like_the_file(variable: str, text: str, path: str, code: str) -> None:
    found = problems({variable: text})
    assert found[path].code == code
    assert variable in found[path].message


def test_the_reference_of_a_secret_can_be_overridden() -> None:
    other = "Yq3-canary-8Lw2Vx7Zm5Nc1Bd9Kf4Tg6Hs0R"
    config = loaded({"PAYFLOW__SECRET__ENV": "OTHER", "OTHER": other})
    assert config.secret.reveal().decode() == other


def test_a_store_url_from_the_environment_may_hold_a_password_and_never_shows_it() -> None:
    config = loaded({"PAYFLOW__STORE__URL": "postgresql+psycopg://app:hunter2@db/pay"})
    assert config.store.url.text() == "postgresql+psycopg://app:hunter2@db/pay"
    assert config.store.shown_url == "postgresql+psycopg://app:***@db/pay"
    assert "hunter2" not in repr(config)


# -- what is in force ----------------------------------------------------------------------------------------------


def test_every_scalar_of_the_schema_is_among_the_effective_values() -> None:
    optional = {"store": {"url": {"env": "LEDGER"}}}  # a section that is not there has nothing in force
    shown = {value.path for value in loaded({"LEDGER": "postgresql://h/x"}, wallet=optional).effective}
    for path, node in every_property(resolved(schema())):
        scalar = node.get("type") in ("string", "integer", "number", "boolean")
        inner = any(part in path for part in ("[]", ".secret.", ".url.", ".redis.", ".$schema"))
        if scalar and not inner:
            assert path.removeprefix("$.") in shown


def test_sources_are_file_environment_and_default() -> None:
    config = loaded({"PAYFLOW__LOG_LEVEL": "ERROR"}, environment="test")
    source = {value.path: value.source for value in config.effective}
    assert (source["environment"], source["log_level"], source["time_zone"]) == ("file", "environment", "default")


def outcome(document: dict[str, Any]) -> str:
    """What came of a document; anything but a config or a ``ConfigError`` with its problems is a failure."""
    try:
        return repr(load(document, ENVIRON).effective)
    except ConfigError as error:
        return json.dumps([str(problem) for problem in error.problems])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(sorted(schema()["properties"])),
)
def test_b143_any_value_anywhere_is_taken_or_refused(value: Any, key: str) -> None:
    assert outcome(right(**{key: value}))


@given(st.data())
def test_b143_any_value_inside_an_account_route_or_handler(data: st.DataObject) -> None:
    junk = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([{}, [], {"a": 1}])
    names = st.sampled_from(
        ["gateway", "secret", "name", "when", "fallback", "on", "call", "action", "ceilings", "app_id", "channels"]
    )
    thing = data.draw(st.dictionaries(names, junk | st.sampled_from(["mock", "alipay", "wechat"]), max_size=6))
    document = right(
        **data.draw(
            st.sampled_from(
                [
                    {"gateways": {"mock": thing}},
                    {"routes": [thing]},
                    {"handlers": [thing]},
                    {"trusted_actions": [thing]},
                    {"routes": [{"name": "r", "when": thing, "gateway": "mock"}]},
                ]
            )
        )
    )
    assert outcome(document)
