"""Throwaway PostgreSQL and MariaDB servers for tests: started on a free port in a folder of their own, gone afterwards.

A server is taken from ``PAYFLOW_TEST_PG_URL`` / ``PAYFLOW_TEST_MYSQL_URL`` if that is set (an account that may create
databases), else started from the programs on ``PATH`` or where Debian puts them. There is no skipping: a service that
cannot be had is a :class:`ServiceMissing` with the reason.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


class ServiceMissing(Exception):
    """A database server cannot be started here; the message says why and what to install."""


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server, ending in ``/``: put a database name from :func:`fresh_database` behind it."""
    given = os.environ.get("PAYFLOW_TEST_PG_URL")
    if given:
        yield _without_database(given)
        return
    folder = _program_folder("initdb", sorted(_DEBIAN_POSTGRES.glob("*/bin"), reverse=True), "postgresql")
    with _folder("postgres") as data:
        as_user = _as_user("postgres")
        _run(
            [
                *as_user,
                str(folder / "initdb"),
                "-D",
                f"{data}/data",
                "-U",
                "payflow",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ]
        )
        port = free_port()
        # Nothing here has to survive a power cut, so nothing waits for the disk.
        options = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=127.0.0.1",
                   f"port={port}", f"unix_socket_directories={data}", "max_connections=200",
                   "max_prepared_transactions=100")  # fmt: skip
        command = [*as_user, str(folder / "postgres"), "-D", f"{data}/data"]
        for option in options:
            command += ["-c", option]
        url = f"postgresql://payflow@127.0.0.1:{port}/"
        with _server(command, lambda: _postgres_answers(url), Path(data) / "log", signal.SIGINT):
            yield url


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """The URL of a MariaDB server, ending in ``/``."""
    given = os.environ.get("PAYFLOW_TEST_MYSQL_URL")
    if given:
        yield _without_database(given)
        return
    folder = _program_folder("mariadbd", [Path("/usr/sbin"), Path("/usr/libexec")], "mariadb-server")
    install = shutil.which("mariadb-install-db")
    if install is None:
        raise ServiceMissing("mariadb-install-db is missing: install the package mariadb-server")
    with _folder("mysql") as data:
        user = ["--user=mysql"] if os.geteuid() == 0 else []
        # Two that are set up at once would take each other's temporary tables for their own.
        own = f"--tmpdir={data}"
        _run([
            install, "--no-defaults", f"--datadir={data}/data", "--auth-root-authentication-method=normal",
            "--skip-test-db", own, *user,
        ])  # fmt: skip
        port = free_port()
        command = [
            str(folder / "mariadbd"), "--no-defaults", f"--datadir={data}/data", f"--port={port}",
            "--bind-address=127.0.0.1", f"--socket={data}/s", f"--pid-file={data}/pid", "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=128M", "--max-connections=200", own,
            *user,
        ]  # fmt: skip
        url = f"mariadb://root@127.0.0.1:{port}/"
        with _server(command, lambda: _mariadb_answers(url), Path(data) / "log", signal.SIGTERM):
            yield url


def fresh_database(server_url: str) -> str:
    """A new, empty database on a server; its URL."""
    name = "payflow_" + uuid.uuid4().hex[:16]
    if server_url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(f"{server_url}postgres", autocommit=True) as connection:
            connection.execute(f"create database {name}")
    else:
        connection = _mariadb_connection(server_url)
        with connection.cursor() as cursor:
            cursor.execute(f"create database {name} character set utf8mb4")
        connection.close()
    return server_url + name


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _without_database(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "/", "", ""))


def _program_folder(name: str, places: list[Path], package: str) -> Path:
    found = shutil.which(name)
    if found:
        return Path(found).parent
    for place in places:
        if (place / name).exists():
            return place
    raise ServiceMissing(f"{name} is missing: install the package {package}, or name a server in the environment")


def _as_user(name: str) -> list[str]:
    """PostgreSQL refuses to run as root; then it runs as its own user."""
    return ["runuser", "-u", name, "--"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def _folder(owner: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="pf-", ignore_cleanup_errors=True) as data:
        if os.geteuid() == 0:
            shutil.chown(data, owner)
        yield data


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- commands of our own
    if done.returncode:
        raise ServiceMissing(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout)[-400:]}")


@contextlib.contextmanager
def _server(command: list[str], answers: Callable[[], bool], log: Path, stop: signal.Signals) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)  # noqa: S603 -- our own
    try:
        until = time.monotonic() + 60
        while not answers():
            if process.poll() is not None or time.monotonic() > until:
                raise ServiceMissing(f"the server did not come up: {log.read_text(errors='replace')[-400:]}")
            time.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, stop)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _postgres_answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(f"{url}postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _mariadb_connection(url: str) -> Any:
    import pymysql

    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username or "root", password=parts.password or "",
        connect_timeout=2,
    )  # fmt: skip


def _mariadb_answers(url: str) -> bool:
    import pymysql

    try:
        _mariadb_connection(url).close()
    except pymysql.err.OperationalError:
        return False
    return True
