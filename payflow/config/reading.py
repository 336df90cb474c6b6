"""Bytes to a document: strict JSON, or nothing. UTF-8 only, no duplicate key, no NaN, bounded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigError
from .problems import Problem, error_of, json_path

MAX_BYTES = 262_144
_MAX_DEPTH = 50


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys came twice."""

    twice: tuple[str, ...] = ()


def read_file(path: Path) -> dict[str, Any]:
    """The document in a file. Raises ``CONFIG_NOT_FOUND``, ``CONFIG_MALFORMED`` or ``CONFIG_DUPLICATE_KEY``."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        said = f"{path} cannot be read: {error.strerror or 'no such file'}"
        raise ConfigError(said, code="CONFIG_NOT_FOUND", problems=(Problem("CONFIG_NOT_FOUND", "$", said),)) from None
    return parse(raw, str(path))


def parse(raw: bytes, source: str) -> dict[str, Any]:
    """The document in ``raw``. ``source`` names it in messages. Raises as :func:`read_file` does."""
    if len(raw) > MAX_BYTES:
        _malformed(source, f"is larger than {MAX_BYTES} bytes")
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        _malformed(source, "begins with a byte order mark; save it as plain UTF-8")
    document = _decoded(raw, source)
    if not isinstance(document, dict):
        _malformed(source, "has to be one JSON object")
    twice: list[Problem] = []
    clean = _plain(document, (), twice, source)
    if twice:
        raise error_of(twice, source)
    return {str(key): value for key, value in clean.items()}


def _decoded(raw: bytes, source: str) -> Any:
    try:
        text = raw.decode("utf-8")
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    except _UnusableError as error:
        reason = str(error)
    except (ValueError, RecursionError):
        reason = "holds a number or a nesting that is out of all bounds"
    # Raised out here, so that no cause with the whole text hangs on it.
    return _malformed(source, reason)


def from_mapping(mapping: Mapping[str, Any], source: str = "mapping") -> dict[str, Any]:
    """A document given in code, brought to exactly what the same file would give. Raises ``CONFIG_MALFORMED``."""
    try:
        raw = json.dumps(mapping, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        raw = b""
    if not raw:
        _malformed(source, "holds something that JSON cannot say")
    return parse(raw, source)


class _UnusableError(ValueError):
    """A value JSON parsers take and we do not."""


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        made.twice = tuple(dict.fromkeys(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value] # add() returns None, which is the point
    return made


def _constant(word: str) -> NoReturn:
    raise _UnusableError(f"holds {word}, which is not a number JSON knows")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _UnusableError("holds a number that is too large")
    return value


def _plain(value: Any, path: tuple[str | int, ...], twice: list[Problem], source: str) -> Any:
    if len(path) > _MAX_DEPTH:
        _malformed(source, f"is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, _Object):
        said = "stands twice in the same object"
        twice.extend(Problem("CONFIG_DUPLICATE_KEY", json_path((*path, key)), said) for key in value.twice)
        return {key: _plain(item, (*path, key), twice, source) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, (*path, index), twice, source) for index, item in enumerate(value)]
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        _malformed(source, f"holds half a surrogate pair at {json_path(path)}")
    return value


def _malformed(source: str, reason: str) -> NoReturn:
    found = Problem("CONFIG_MALFORMED", "$", reason)
    raise ConfigError(f"{source} {reason}", code="CONFIG_MALFORMED", problems=(found,))
