"""Bytes that are no config are refused with a reason, whatever they are."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.config import load
from payflow.config.reading import MAX_BYTES, from_mapping, parse
from payflow.errors import ConfigError


def refusal(raw: bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(raw, "payflow.json")
    return caught.value


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is not JSON"),
        (b"[]", "one JSON object"),
        (b"null", "one JSON object"),
        (b'{"a": 1,}', "line 1, column"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a": "ä"}'.encode("latin-1"), "is not UTF-8 (byte 7)"),
        ("{}".encode("utf-16"), "byte order mark"),
        ("{}".encode("utf-16-le"), "is not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of all bounds"),
        (b'{"a": ' * 100 + b"1" + b"}" * 100, "deeper than"),
        (b"[" * 100_000, "out of all bounds"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b"{" + b" " * MAX_BYTES + b"}", "larger than"),
    ],
)
def test_b178_only_strict_json_is_read(raw: bytes, reason: str) -> None:
    error = refusal(raw)
    assert error.code == "CONFIG_MALFORMED"
    assert reason in error.message


def test_b178_a_key_that_stands_twice_is_refused_with_its_path() -> None:
    error = refusal(b'{"gateways": {"a": {"gateway": "mock", "gateway": "alipay"}}, "secret": 1, "secret": 2}')
    assert error.code == "CONFIG_DUPLICATE_KEY"
    assert [problem.path for problem in error.problems] == ["$.secret", "$.gateways.a.gateway"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "payflow.json", {})
    assert caught.value.code == "CONFIG_NOT_FOUND"
    assert caught.value.problems[0].path == "$"


@pytest.mark.parametrize("value", [b"x", float("nan"), object(), {1, 2}])
def test_a_mapping_holds_only_what_json_can_say(value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping({"secret": value})
    assert caught.value.code == "CONFIG_MALFORMED"


def test_a_mapping_that_contains_itself_is_refused() -> None:
    mapping: dict[str, object] = {}
    mapping["self"] = mapping
    with pytest.raises(ConfigError):
        from_mapping(mapping)


@given(st.binary(max_size=200))
def test_b143_any_bytes_are_read_or_refused(raw: bytes) -> None:
    document, code = None, ""
    try:
        document = parse(raw, "fuzz")
    except ConfigError as error:
        code = error.code
    assert code in ("CONFIG_MALFORMED", "CONFIG_DUPLICATE_KEY") or json.loads(raw) == document


def test_b136_hostile_documents_are_refused_quickly() -> None:
    began = time.perf_counter()
    refusal(b'{"a":' * 40_000)
    refusal(b'{"a": ' + b"1" * 250_000 + b"}")
    assert time.perf_counter() - began < 1
