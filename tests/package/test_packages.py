"""The same package everywhere: a plain checkout, an editable install, a wheel and a source distribution."""

from __future__ import annotations

import configparser
import email
import json
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from .building import build, python
from .house import ROOT

#: What a user of the installed package relies on: the code, its data, its command.
CHECK = """
import json, pathlib, payflow, payflow.schema_files as schemas
from payflow.cli import main
import payflow.schemas
names = ["config.v1.schema.json"]
print(json.dumps({
    "file": payflow.__file__,
    "version": payflow.__version__,
    "schemas": [schemas.load(name)["$id"] for name in names],
    "typed": (pathlib.Path(payflow.__file__).parent / "py.typed").exists(),
    "commands": main.list_commands(None),
}))
"""


@pytest.fixture(scope="module")
def sdist(tree, tmp_path_factory):
    return build("build_sdist", tree, tmp_path_factory.mktemp("sdist"))


def _source_files() -> set[str]:
    """Every file of the source tree that belongs into the wheel, by its name there."""
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "payflow").rglob("*") if path.is_file()}
    found |= {f"payflow/schemas/{path.name}" for path in (ROOT / "schemas").iterdir() if path.is_file()}
    return {name for name in found if "__pycache__" not in name}


def _wheel_files(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_package_list_is_the_tree():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = config["options"]["packages"].split()
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "payflow").rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert sorted(listed) == sorted(there | {"payflow.schemas"})


def test_every_package_has_an_init():
    folders = {path.parent for path in (ROOT / "payflow").rglob("*.py") if "__pycache__" not in path.parts}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_schemas_lie_flat():
    assert [path for path in (ROOT / "schemas").iterdir() if path.is_dir() and path.name != "__pycache__"] == []


def test_nothing_is_said_twice():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert set(config["metadata"]) == {"version"}
    assert set(config["options"]) == {"packages", "package_dir", "zip_safe"}


def test_a_plain_checkout_works(tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + CHECK.replace("import payflow.schemas\n", "")
    told = json.loads(python(code, paths=[], cwd=tmp_path))
    assert Path(told["file"]).parent == ROOT / "payflow"
    assert told["schemas"][0].endswith("config.v1.schema.json")


def test_the_wheel_holds_every_file_and_nothing_else(wheel):
    assert _wheel_files(wheel) == _source_files()


def test_the_wheel_works(wheel, tmp_path):
    place = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    told = json.loads(python(CHECK, paths=[place], cwd=tmp_path))
    assert Path(told["file"]).parent == place / "payflow"
    assert told["schemas"][0].endswith("config.v1.schema.json")
    assert told["typed"]
    assert "demo" in told["commands"]


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        told = email.message_from_string(archive.read(name).decode())
        scripts = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
        licences = [one for one in archive.namelist() if one.endswith("LICENSE")]
    assert told["Name"] == "payflow-gateway"
    assert told["License-Expression"] == "MIT"
    assert told["Requires-Python"] == ">=3.11"
    core = {re.split("[<>;=]", line)[0] for line in told.get_all("Requires-Dist") if "extra ==" not in line}
    assert core == {"click", "cryptography", "jsonschema", "python-statemachine", "referencing", "requests", "tzdata"}
    assert "payflow = payflow.cli:main" in scripts
    assert len(licences) == 1


def test_a_wheel_made_from_the_sdist_is_the_same(sdist, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path)  # our own, made a moment ago; the first versions of Python 3.11 have no filter
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (unpacked / "CHANGELOG.md").exists()
    assert not (unpacked / "tests").exists()
    assert _wheel_files(build("build_wheel", unpacked, tmp_path / "out")) == _source_files()


@pytest.mark.parametrize("where", ["elsewhere", "at the root"])
def test_an_editable_install_works(tree, tmp_path, where):
    editable = build("build_editable", tree, tmp_path / "out")
    place = tmp_path / "site"
    with zipfile.ZipFile(editable) as archive:
        archive.extractall(place)
    told = json.loads(python(CHECK, paths=[place], cwd=tree if where == "at the root" else tmp_path))
    assert Path(told["file"]).parent == tree / "payflow"
    assert told["schemas"][0].endswith("config.v1.schema.json")
