"""Building payflow from a copy of its source, with the libraries of this environment and no index."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def python(code: str, *, paths: list[Path], cwd: Path) -> str:
    """Run with the libraries of this environment but none of its .pth files, so that only ``paths`` bring payflow."""
    libraries = [path for path in sys.path if path.rstrip("/").endswith(("site-packages", "dist-packages"))]
    start = f"import sys, site\nsys.path += {[*map(str, paths), *libraries]!r}\n"
    start += "".join(f"site.addsitedir({str(path)!r})\n" for path in paths)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", start + code],
        capture_output=True, text=True, check=False, cwd=cwd, env=environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(what: str, tree: Path, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    code = f"from setuptools import build_meta\nprint(build_meta.{what}({str(out)!r}))"
    return out / python(code, paths=[], cwd=tree).splitlines()[-1]
