"""The map in the docstring of ``payflow/__init__.py`` is the rule."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest

from .house import OUTSIDE, PACKAGE, ROOT, imports_of, modules, room_of, rooms

#: A library that is heavy, or whose word must not spread → the rooms that may know it.
KNOWN_BY = {
    "django": {"django"},
    "flask": {"flask"},
    "werkzeug": {"flask"},
    "sqlalchemy": {"flask", "stores", "testing"},
    "psycopg": {"stores", "testing"},
    "pymysql": {"stores", "testing"},
    "sqlite3": {"stores", "testing", "gateways", "sandbox"},  # the mock gateway and the sandbox keep books of their own
    "statemachine": {"machine", "tables"},
    "jsonschema": {"config", "machine", "tables", "testing"},
    "gmssl_pyx": {"national"},
    "cryptography": {"signing", "national", "gateways", "sandbox", "testing"},
    "redis": {"breaker", "testing"},
    "requests": {"transport", "gateways", "sandbox", "testing"},
    "click": {"cli", "django", "flask"},
    "rich": {"cli"},
    "segno": {"drawing", "cli", "flask", "gateways", "sandbox", "testing"},
    "pytest": {"testing"},
}


def test_the_map_names_rooms():
    assert len(rooms()) > 20
    assert rooms()[0] == "errors"
    assert rooms()[-1] == "testing"


def test_every_room_is_named_exactly_once():
    found = Counter({room_of(path): 1 for path in modules() if room_of(path) not in OUTSIDE})
    assert Counter(rooms()) == found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_above_it(path):
    order = {name: place for place, name in enumerate(rooms())}
    own = room_of(path)
    wrong = []
    for found in imports_of(path):
        parts = found.module.split(".")
        if parts[0] != "payflow" or len(parts) < 2 or parts[1] in OUTSIDE or found.typing_only:
            continue
        if parts[1] != own and own not in OUTSIDE and order[parts[1]] >= order[own]:
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_known_only_where_it_must_be(path):
    own = room_of(path)
    wrong = [
        str(found)
        for found in imports_of(path)
        if not found.typing_only and own not in KNOWN_BY.get(found.module.split(".")[0], {own})
    ]
    assert wrong == []


def test_import_linter_has_the_same_order():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(one for one in settings["contracts"] if one["type"] == "layers")["layers"]
    assert layers == rooms()[::-1]


def test_no_room_has_a_name_that_says_nothing():
    empty_names = {"utils", "util", "helpers", "common", "base", "core", "manager", "service", "misc"}
    assert [path for path in modules() if path.stem in empty_names or path.parent.name in empty_names] == []
