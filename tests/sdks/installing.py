"""Installs the SDKs from the package registries, once for all test processes, into a folder that git does not see.

``PAYFLOW_SDK_CACHE`` names another place than ``.cache`` in the repository. Nothing is installed into payflow's own
environment: each SDK runs as a program of its own, as it would at a merchant's.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PYTHON, NODE = HERE / "python", HERE / "node"
_WANTED = (
    PYTHON / "official.txt", PYTHON / "community.txt", NODE / "package.json", NODE / "package-lock.json",
    Path(__file__),
)  # fmt: skip
_SECONDS = 240


class NotInstalled(Exception):
    """Why the SDKs could not be installed."""


@dataclass(frozen=True)
class Installed:
    """Where the SDKs are."""

    folder: Path

    @property
    def official(self) -> Path:
        """The Python that has alipay-sdk-python and wechatpayv3."""
        return self.folder / "official" / "bin" / "python"

    @property
    def community(self) -> Path:
        """The Python that has python-alipay-sdk."""
        return self.folder / "community" / "bin" / "python"

    @property
    def modules(self) -> Path:
        """The node_modules with alipay-sdk and wechatpay-axios-plugin."""
        return self.folder / "node" / "node_modules"


def installed() -> Installed:
    """The SDKs, installed now if they are not yet. Raises :class:`NotInstalled`."""
    root = Path(os.environ.get("PAYFLOW_SDK_CACHE") or REPOSITORY / ".cache")
    folder = root / f"sdks-{_digest()}"
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[Path], None]] = {
        "official": lambda place: _python(place, PYTHON / "official.txt"),
        "community": lambda place: _python(place, PYTHON / "community.txt"),
        "node": _node,
    }
    with _alone(folder / "lock"):
        missing = [name for name in parts if not (folder / f"{name}.done").exists()]
        with ThreadPoolExecutor(len(parts)) as workers:
            for done in [workers.submit(_part, folder, name, parts[name]) for name in missing]:
                done.result()
    return Installed(folder)


def node() -> str:
    """Where Node.js is."""
    return _program("node", "nodejs")


def _part(folder: Path, name: str, install: Callable[[Path], None]) -> None:
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)  # what an interrupted installation left
    install(place)
    (folder / f"{name}.done").touch()


def _python(place: Path, requirements: Path) -> None:
    _run(sys.executable, "-m", "venv", "--without-pip", str(place))
    # Thousands of modules of which a dozen are used: those are compiled when they are imported.
    _run(
        sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet", "--no-input",
        "--disable-pip-version-check", "--no-compile", "--requirement", str(requirements),
    )  # fmt: skip


def _node(place: Path) -> None:
    place.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(NODE / name, place / name)
    node()
    _run(
        _program("npm", "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier",
        "--loglevel=error", cwd=place, npm_config_cache=str(place.parent / "npm-cache"),
    )  # fmt: skip


def _run(*command: str, cwd: Path | None = None, **more: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, env=os.environ | more, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{' '.join(command)} took longer than {_SECONDS} seconds") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise NotInstalled(f"{' '.join(command)} ended with {done.returncode}:\n{said}")


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotInstalled(f"{name} is missing; on Debian: apt-get install {package}")
    return found


def _digest() -> str:
    """Changes whenever something else would be installed."""
    told = hashlib.sha256(f"{platform.python_version()} {platform.machine()} {sys.prefix}".encode())
    for file in _WANTED:
        told.update(file.read_bytes())
    return told.hexdigest()[:12]


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Only one process at a time is in here; the others wait."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
