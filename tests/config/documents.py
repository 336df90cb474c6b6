"""A config that is right, for tests to spoil."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.config import Config, Problem, load
from payflow.errors import ConfigError

SECRET = "7uV2-canary-Qx9Lr4Tn0Zb8Ks5Wd1Hf6Gj3"
MOCK_SECRET = "Mk5s-canary-Pz7Yc2Ve8Na4Rb9Xt1Ld6Qw0"
ENVIRON = {"PAYFLOW_SECRET": SECRET, "MOCK_SECRET": MOCK_SECRET}


def right(**changes: Any) -> dict[str, Any]:
    """The smallest config that is right, with ``changes`` on top."""
    return {
        "secret": {"env": "PAYFLOW_SECRET"},
        "payment_gateway": "mock",
        "gateways": {"mock": {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}}},
        **changes,
    }


def loaded(environ: dict[str, str] | None = None, **changes: Any) -> Config:
    """``right(**changes)``, loaded; ``environ`` on top of the secrets."""
    return load(right(**changes), {**ENVIRON, **(environ or {})})


def problems(environ: dict[str, str] | None = None, **changes: Any) -> dict[str, Problem]:
    """What is wrong with ``right(**changes)``, by JSON path."""
    with pytest.raises(ConfigError) as caught:
        loaded(environ, **changes)
    return {problem.path: problem for problem in caught.value.problems}
