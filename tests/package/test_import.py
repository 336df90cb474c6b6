"""``import payflow`` is light, loads nothing it does not need, and does no work."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

import pytest

import payflow

from .house import PACKAGE, ROOT, modules

#: Loaded by the first call to a gateway, never by an import: urllib3 tries a local socket to see whether there is IPv6.
LOADED_BY_A_CALL = {"payflow.transport.lines", "payflow.transport.connections"}
HEAVY = {
    "django", "flask", "werkzeug", "sqlalchemy", "statemachine", "requests", "urllib3", "socket", "ssl", "http.client",
    "psycopg", "pymysql", "sqlite3", "cryptography", "jsonschema", "referencing", "click", "rich", "segno", "logging",
    "asyncio", "json",
}  # fmt: skip


def _loaded_by(code: str) -> set[str]:
    program = (
        f"import sys\nbefore = set(sys.modules)\n{code}\nimport json\nprint(json.dumps([*set(sys.modules) - before]))"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[1:1] = {sys.path[1:]!r}\n{program}"],
        capture_output=True, text=True, check=True, env=environ, cwd=ROOT,
    )  # fmt: skip
    return set(json.loads(done.stdout))


def test_import_payflow_loads_only_its_version():
    loaded = _loaded_by("import payflow")
    assert {name for name in loaded if name.startswith("payflow")} == {"payflow", "payflow._version"}
    assert loaded & HEAVY <= {"json"}  # json: the program above prints with it


def test_the_words_and_records_load_no_library():
    loaded = _loaded_by("from payflow import Money, Payment, PayflowError, Callback, Transaction")
    assert loaded & (HEAVY - {"json", "logging"}) == set()


def test_the_walk_loads_no_framework_database_or_network():
    loaded = _loaded_by("from payflow import Flow, Worker, Trace")
    # Where Django is installed, python-statemachine loads its module_loading and nothing that does anything.
    django = {"django.apps", "django.conf", "django.core", "django.db", "django.http"}
    assert loaded & (django | {"flask", "werkzeug", "sqlalchemy", "requests", "urllib3", "psycopg", "pymysql"}) == set()


def test_the_room_of_calls_loads_no_network_before_the_first_call():
    loaded = _loaded_by("import payflow.transport, payflow.gateways.alipay, payflow.gateways.wechat")
    assert not loaded & ({"requests", "urllib3"} | LOADED_BY_A_CALL)


def test_import_payflow_takes_well_under_100_ms():
    program = "import time; t = time.perf_counter(); import payflow; print(time.perf_counter() - t)"
    took = [
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT).stdout)
        for _ in range(5)
    ]
    assert statistics.median(took) < 0.1


@pytest.mark.parametrize("name", payflow.__all__)
def test_every_exported_name_is_there(name):
    assert getattr(payflow, name) is not None
    assert name in dir(payflow)


def test_exports_for_type_checkers_and_at_run_time_are_the_same():
    assert set(payflow.__all__) == {*payflow._ROOMS, "__version__", "open"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Purse'"):
        _ = payflow.Purse


def test_no_module_opens_a_file_or_socket_while_it_is_imported():
    names = [
        ".".join(("payflow", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for path in modules()
        if path.stem != "__main__"
    ]
    names = [name for name in names if name not in LOADED_BY_A_CALL]
    program = f"""
import sys
names = {names!r}
deeds = []
def watch(event, args):
    if event == "open" and isinstance(args[0], str) and (args[1] or "").startswith("w"):
        deeds.append(("write", args[0]))
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen"):
        deeds.append((event, str(args)))
sys.dont_write_bytecode = True
sys.addaudithook(watch)
import importlib
import django.conf
APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "payflow.django"]
django.conf.settings.configure(INSTALLED_APPS=APPS)  # there are no models without settings
django.setup()
for name in names:
    importlib.import_module(name)
assert not deeds, deeds
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
