"""What is allowed and bites: each piece of advice appears when it should, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.config.advice import advise

from .documents import loaded

MOCK = {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}}
ALIPAY = {
    "gateway": "alipay", "app_id": "2021" * 4, "seller_id": "2088" * 4, "alipay_public_key": {"env": "ALIPAY_KEY"},
}  # fmt: skip
QUIET = {"environment": "test", "policies": {"late_payment": "refund"}}
LIVE = {
    "environment": "production", "gateways": {"a": ALIPAY}, "payment_gateway": "a",
    "policies": {"late_payment": "refund"}, "callbacks": {"base_url": "https://shop.example.com"},
    "store": {"url": "postgresql://app@db/pay", "pool_size": 20},
}  # fmt: skip


def codes(environ: dict[str, str] | None = None, **changes: Any) -> set[str]:
    return {one.code for one in advise(loaded({"ALIPAY_KEY": "MIIB", **(environ or {})}, **changes))}


def test_a_quiet_test_config_and_a_careful_production_config_get_none() -> None:
    assert codes(**QUIET) == set()
    assert codes(**LIVE) == set()


@pytest.mark.parametrize(
    ("base", "change", "code"),
    [
        (QUIET, {"environment": "development"}, "MOCK_ENABLED"),
        (QUIET, {"gateways": {"mock": MOCK, "a": {**ALIPAY, "sandbox": True}}}, "SANDBOX_ENABLED"),
        (QUIET, {"gateways": {"mock": MOCK, "a": ALIPAY}}, "ACCOUNT_UNUSED"),
        (LIVE, {"log_level": "DEBUG"}, "LOG_LEVEL_DEBUG"),
        (LIVE, {"callbacks": {}}, "NO_BASE_URL"),
        (LIVE, {"callbacks": {"base_url": "https://localhost"}}, "UNREACHABLE_URL"),
        (LIVE, {"environment": "development", "callbacks": {"base_url": "http://shop.example.com"}}, "INSECURE_URL"),
        (LIVE, {"trusted_actions": ["a"]}, "TRUST_WITHOUT_EFFECT"),
        (LIVE, {"auto_confirm_order": True}, "TRUST_WITHOUT_EFFECT"),
        (LIVE, {"auto_confirm_order": True, "trusted_actions": ["a"]}, "TRUST_WITHOUT_CEILING"),
        (
            LIVE,
            {
                "auto_confirm_order": True,
                "trusted_actions": [{"action": "a", "ceilings": {"CNY": {"per_payment": "1.00"}}}],
            },
            "TRUST_WITHOUT_DAY_CEILING",
        ),
        (
            LIVE,
            {
                "auto_confirm_order": True,
                "trusted_actions": [{"action": "a", "ceilings": {"CNY": {"per_payment": "2.00", "per_day": "1.00"}}}],
            },
            "CEILING_WITHOUT_EFFECT",
        ),
        (LIVE, {"context_retention": {"enabled": False}}, "NO_CONFIRMATION"),
        (LIVE, {"context_retention": {"ttl_seconds": 1000}}, "LONG_CONFIRMATION"),
        (
            LIVE,
            {
                "timeouts": {"read_seconds": 31, "total_seconds": 70},
                "idempotency": {"lease_seconds": 80},
                "worker": {"lease_seconds": 80},
            },
            "LONG_TIMEOUT",
        ),
        (LIVE, {"timeouts": {"callback_tolerance_seconds": 30}}, "SHORT_TOLERANCE"),
        (LIVE, {"idempotency": {"retention_seconds": 3600}}, "SHORT_RETENTION"),
        (LIVE, {"policies": {}}, "LATE_PAYMENT_HELD"),
        (LIVE, {"store": {"url": "sqlite:////var/pay.db"}}, "SQLITE_IN_PRODUCTION"),
        (QUIET, {"store": {"url": "sqlite:///:memory:"}}, "STORE_IN_MEMORY"),
        (LIVE, {"store": {"url": "postgresql://app@db/pay"}}, "POOL_SIZE_DEFAULT"),
        (
            QUIET,
            {
                "routes": [{"name": "r", "when": {"channel": "qr"}, "gateway": "a"}],
                "gateways": {"a": ALIPAY, "mock": MOCK},
            },
            "PAYMENT_GATEWAY_IGNORED",
        ),
    ],
)
def test_advice(base: dict[str, Any], change: dict[str, Any], code: str) -> None:
    assert code in codes(**{**base, **change})


def test_the_environment_should_be_said() -> None:
    assert "ENVIRONMENT_DEFAULT" in codes(policies={"late_payment": "refund"})
    assert "ENVIRONMENT_DEFAULT" not in codes(environment="development")


def test_plain_http_on_a_loopback_address_is_fine_for_the_mock() -> None:
    assert "INSECURE_URL" not in codes(**QUIET, callbacks={"base_url": "http://127.0.0.1:8000"})
