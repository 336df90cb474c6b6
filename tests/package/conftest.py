"""The wheel, built once for every test of it."""

from __future__ import annotations

import shutil

import pytest

from .building import build
from .house import ROOT

SOURCE = ["payflow", "schemas", "pyproject.toml", "setup.cfg", "MANIFEST.in", "README.md", "README.zh.md", "LICENSE",
          "CHANGELOG.md"]  # fmt: skip


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A copy of what the package is built from, so that nothing is written beside the source."""
    copy = tmp_path_factory.mktemp("tree")
    for name in SOURCE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def wheel(tree, tmp_path_factory):
    return build("build_wheel", tree, tmp_path_factory.mktemp("wheel"))
