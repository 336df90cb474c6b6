"""The wheel alone: installed outside the checkout, and with each extra only what that extra declares beside it.

Nothing else is importable: a job that works here has every dependency declared. ``test``, ``docs`` and ``dev`` are for
this checkout and have no job.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from payflow.testing import services
from tests.transport.conftest import running_redis

OURS = {"test", "docs", "dev"}

#: What every job begins with: a shop of two lines, paid by a genuine callback.
SHOP = """
import json, os, pathlib, sys
from payflow import Money, Worker, load, open_flow
from payflow.testing.callbacks import MockSide

SECRET = "kq3JxV9w2LrT8mZp5YcN7bHd4GfS6aEu"
os.environ |= {"PAYFLOW_SECRET": SECRET, "PAYFLOW_MOCK_SECRET": SECRET}
CONFIG = {
    "version": 1, "secret": {"env": "PAYFLOW_SECRET"}, "payment_gateway": "mock", "auto_confirm_order": True,
    "trusted_actions": [{"action": "buy"}], "store": {"url": sys.argv[1]},
    "gateways": {"mock": {"gateway": "mock", "secret": {"env": "PAYFLOW_MOCK_SECRET"}}},
}
pathlib.Path("payflow.json").write_text(json.dumps(CONFIG))

def opened():
    return open_flow(load("payflow.json"), migrate=True)

def buy(flow):
    return flow.pay(amount=Money(1250), channel="qr", action="buy", key="k").payment

def told(payment):
    side = MockSide(secret=SECRET.encode(), merchant=payment.merchant, app=payment.app)
    return side.callback("paid", out_trade_no=payment.out_trade_no, amount=payment.amount)

def missing(*names):
    from importlib.util import find_spec
    assert [name for name in names if find_spec(name)] == []
"""

SQL_STORE = """
flow = opened()
payment = buy(flow)
flow.receive(told(payment))
Worker(flow).round()
assert flow.payment(payment.id).captured == 1250
"""

JOBS = {
    "": SQL_STORE + """
missing("flask", "django", "sqlalchemy", "psycopg", "pymysql", "redis", "segno", "starlette", "pytest", "responses")

import importlib, pkgutil, payflow
rooms = [found.name for found in pkgutil.walk_packages(payflow.__path__, "payflow.")]
behind = ("payflow.flask", "payflow.django", "payflow.testing.")  # the suites are pytest's
for name in rooms:
    if not name.startswith(behind) and not name.endswith("__main__"):
        importlib.import_module(name)
assert len(rooms) > 150

from payflow.gateways.alipay import Alipay
from payflow.gateways.wechat import WeChat
from payflow.sandbox import Sandbox
from payflow.transport import Surroundings
with Sandbox() as sandbox:
    for name, kind in (("alipay", Alipay), ("wechat", WeChat)):
        gateway = kind.from_config(name, sandbox.account(name), Surroundings(notify_url="http://127.0.0.1:9/"))
        CONFIG["gateways"][name] = {}
        number = "ORDER_" + name
        from payflow import Payment
        sent = Payment(id=number, gateway=name, account=name, merchant=gateway.merchant, app=gateway.app, channel="qr",
                       out_trade_no=number, amount=1250, currency="CNY", status="pending", description="beans",
                       created_at=sandbox.clock(), expires_at=sandbox.clock() + 900_000_000)
        gateway.charge(sent)
        sandbox.pay(number)
        assert [event.kind for event in gateway.query(sent).events] == ["paid"], name

from payflow.cli import main
for command in (["--help"], ["demo"], ["doctor"], ["trace", payment.id], ["--version"]):
    try:
        main(command)
    except SystemExit as end:
        assert not end.code, command
""",
    "flask": """
missing("django", "sqlalchemy", "segno")
from flask import Flask
from payflow.flask import PayFlow, checkout_url, current_payflow
from payflow.flask.desk import desk_blueprint
from payflow.operating import POWERS, Operator
app = Flask("shop")
app.config |= {"PAYFLOW_CONFIG": "payflow.json", "PAYFLOW_MIGRATE": True, "SECRET_KEY": "k"}
PayFlow(app)
app.register_blueprint(desk_blueprint(lambda: Operator("ann", POWERS)), url_prefix="/desk")
with app.test_request_context():
    payment = buy(current_payflow())
    page = app.test_client().get(checkout_url(payment.id, back="/"))
assert page.status_code == 200 and 'id="payflow-checkout"' in page.text, page.text
assert "cannot be drawn" in page.text  # there is no segno here: the code's text has to do
page = app.test_client().get(f"/desk/payments/{payment.id}")
assert page.status_code == 200 and payment.id in page.text, page.text
callback = told(payment)
reply = app.test_client().post("/callbacks/mock", data=callback.body, headers=dict(callback.headers))
assert reply.status_code == 200, reply.data
with app.app_context():
    assert current_payflow().payment(payment.id).captured == 1250
done = app.test_cli_runner().invoke(args=["payflow", "trace", payment.id])
assert done.exit_code == 0, done.output
""",
    "django": """
missing("flask", "sqlalchemy", "segno")
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="k", ALLOWED_HOSTS=["*"], USE_TZ=True, ROOT_URLCONF="urls", PAYFLOW={"CONFIG": CONFIG},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db",
                           "OPTIONS": {"transaction_mode": "IMMEDIATE"}}},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages", "payflow.django"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    STATIC_URL="static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
        "context_processors": ["django.template.context_processors.request",
                               "django.contrib.auth.context_processors.auth",
                               "django.contrib.messages.context_processors.messages"]}}],
)
del CONFIG["store"]
pathlib.Path("urls.py").write_text('''
from django.contrib import admin
from django.urls import include, path
urlpatterns = [path("admin/", admin.site.urls), path("pay/", include("payflow.django.urls"))]
''')
sys.path.insert(0, ".")
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from payflow.django import checkout_url, payflow
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True)
call_command("check", fail_level="ERROR")
payment = buy(payflow())
page = Client().get(checkout_url(payment.id, back="/"))
assert page.status_code == 200 and 'id="payflow-checkout"' in page.content.decode(), page.content
callback = told(payment)
headers = dict(callback.headers)
media = headers.pop("Content-Type", "application/json")
reply = Client().post("/pay/callbacks/mock", data=callback.body, content_type=media, headers=headers)
assert reply.status_code == 200, reply.content
assert payflow().payment(payment.id).captured == 1250
call_command("payflow_worker", "--once")
browser = Client()
browser.force_login(User.objects.create_superuser("ann", password="x"))
page = browser.get("/admin/payflow/payment/", follow=True)
assert page.status_code == 200, page.content
assert payment.id in page.content.decode()
page = browser.get(f"/admin/payflow/payment/{payment.id}/change/", follow=True)
assert page.status_code == 200, page.content
""",
    "asgi": """
import asyncio
from starlette.applications import Starlette
from starlette.routing import Mount
from payflow.asgi import callbacks_app
flow = opened()
payment = buy(flow)
app = Starlette(routes=[Mount("/", callbacks_app(flow))])
callback = told(payment)
sent = []

async def deliver():
    scope = {"type": "http", "method": "POST", "path": "/callbacks/mock", "raw_path": b"", "root_path": "",
             "query_string": b"", "scheme": "http", "server": ("shop", 80), "client": ("far", 1), "http_version": "1.1",
             "headers": [(name.lower().encode(), value.encode()) for name, value in callback.headers]}
    bodies = [{"type": "http.request", "body": callback.body, "more_body": False}]
    async def receive():
        return bodies.pop() if bodies else await asyncio.sleep(60)
    async def send(message):
        sent.append(message)
    await app(scope, receive, send)

asyncio.run(deliver())
assert sent[0]["status"] == 200, sent
assert flow.payment(payment.id).captured == 1250
""",
    "sqlalchemy": """
missing("flask", "flask_sqlalchemy")
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session
flow = opened()
engine = create_engine(CONFIG["store"]["url"])
with Session(engine) as session:
    session.execute(text("create table beans (id integer primary key, payment text)"))
    payment = buy(flow.joined(session))
    session.execute(text("insert into beans (payment) values (:id)"), {"id": payment.id})
    session.rollback()
assert flow.store.recent_payments() == []
with Session(engine) as session:
    payment = buy(flow.joined(session))
    session.commit()
assert flow.payment(payment.id).amount == 1250
""",
    "postgres": SQL_STORE,
    "mysql": SQL_STORE,
    "redis": """
from payflow.breaker import Breakers, CircuitOpen, RedisBreakerStore
for _ in range(3):
    breaker = Breakers(RedisBreakerStore(sys.argv[2]), failures=3).of("main", "charge")
    breaker.before()
    breaker.failed()
try:
    Breakers(RedisBreakerStore(sys.argv[2]), failures=3).of("main", "charge").before()
except CircuitOpen:
    pass
else:
    raise AssertionError("the circuit is not shared")
""",
    "sm": """
from payflow.national import SmSigner, _public_half
private = (20221128).to_bytes(32, "big")
signer = SmSigner(private, _public_half(private))
import base64
signature = base64.b64decode(signer.sign(b"beans"))
assert signer.verifier.verifies(signature, b"beans")
assert not signer.verifier.verifies(signature, b"bean")
""",
    "qr": """
from payflow.drawing.qr import qr_svg
from payflow.sandbox.pages.qr import qr
assert "<svg" in qr_svg("https://qr.alipay.com/bax00001")
assert qr("https://qr.alipay.com/bax00001", "pay") is not None
""",
    "testing": """
missing("flask", "django", "xdist")
import pytest
pathlib.Path("conftest.py").write_text('pytest_plugins = ["payflow.testing.plugin"]')
pathlib.Path("test_shop.py").write_text('''
from payflow import Money

def test_it(payflow_flow, payflow_answers, payflow_notify, payflow_faults, payflow_wallet, payflow_conserved):
    payflow_answers.alipay("trade.precreate", qr_code="https://qr.alipay.com/bax00001")
    payment = payflow_flow.pay(amount=Money(1250), channel="qr", account="alipay", action="buy", key="k").payment
    payflow_notify(payment)
    assert payflow_flow.payment(payment.id).captured == 1250
    payflow_conserved()

def test_over_http(payflow_sandbox):
    assert payflow_sandbox.url.startswith("http://127.0.0.1:")
''')
assert pytest.main(["-q", "-p", "no:cacheprovider", "."]) == 0
""",
    "examples": """
import threading, urllib.request
import django, flask
from waitress import create_server
from payflow.drawing.qr import qr_svg
assert "<svg" in qr_svg("weixin://wxpay/bizpayurl?pr=1")
from payflow.wsgi import callbacks_app
flow = opened()
payment = buy(flow)
server = create_server(callbacks_app(flow), host="127.0.0.1", port=0)
threading.Thread(target=server.run, daemon=True).start()
callback = told(payment)
url = f"http://127.0.0.1:{server.effective_port}/callbacks/mock"
request = urllib.request.Request(url, data=callback.body, headers=dict(callback.headers))
assert urllib.request.urlopen(request, timeout=10).status == 200
assert flow.payment(payment.id).captured == 1250
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed in a folder of its own."""
    place = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


@pytest.fixture(scope="module")
def ours(unpacked: Path) -> metadata.Distribution:
    (found,) = metadata.distributions(path=[str(unpacked)])
    return found


def needed(distribution: metadata.Distribution, extras: frozenset[str], found: dict[str, frozenset[str]]) -> None:
    """Every distribution that pip would install with ``distribution[extras]``, by name, with the extras asked for."""
    for line in distribution.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in (*extras, "")):
            continue
        name, asked = canonicalize_name(requirement.name), frozenset(requirement.extras)
        known = found.get(name)
        if known is not None and asked <= known:
            continue
        found[name] = asked | (known or frozenset())
        other = distribution if name == "payflow-gateway" else metadata.distribution(name)
        assert name == "payflow-gateway" or requirement.specifier.contains(other.version, prereleases=True), line
        needed(other, found[name], found)


def installed(distribution: metadata.Distribution, extra: str, place: Path) -> Path:
    """A folder with links to what ``payflow-gateway[extra]`` needs, and to nothing else of this environment."""
    found: dict[str, frozenset[str]] = {}
    needed(distribution, frozenset({extra}), found)
    place.mkdir()
    for name in found.keys() - {"payflow-gateway"}:
        there = metadata.distribution(name)
        for top in {file.parts[0] for file in there.files or ()} - {"..", "__pycache__"}:
            link = place / top
            if not link.exists():
                link.symlink_to(str(there.locate_file(top)))
    return place


@pytest.fixture
def servers(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], list[str]]]:
    """What a job is told: the URL of a database, and of a Redis where it wants one."""
    running = []

    def of(extra: str) -> list[str]:
        if extra in ("postgres", "mysql"):
            server = request.getfixturevalue("postgres_server" if extra == "postgres" else "mariadb_server")
            return [services.fresh_database(server)]
        if extra != "redis":
            return [f"sqlite:///{tmp_path}/payflow.db"]
        (tmp_path / "redis").mkdir()
        running.append(running_redis(tmp_path / "redis", services.free_port()))
        return ["sqlite:///payflow.db", running[0].__enter__()]

    yield of
    for one in running:
        one.__exit__(None, None, None)


@pytest.mark.parametrize("extra", JOBS, ids=[extra or "nothing" for extra in JOBS])
def test_an_extra_brings_all_that_it_needs(
    extra: str, unpacked: Path, ours: metadata.Distribution, servers: Callable[[str], list[str]], tmp_path: Path
) -> None:
    libraries = installed(ours, extra, tmp_path / "libraries")
    work = tmp_path / "work"
    work.mkdir()
    (work / "job.py").write_text(f"import sys\nsys.path[:1] = {[str(unpacked), str(libraries)]!r}\n{SHOP}{JOBS[extra]}")
    environ = {"PATH": os.environ["PATH"], "HOME": str(work), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "job.py", *servers(extra)],
        check=False, cwd=work, env=environ, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_importing_it_alone_loads_nothing_else(unpacked: Path) -> None:
    code = f"""
import sys
sys.path[:1] = [{str(unpacked)!r}]
before = set(sys.modules)
import payflow
print(sorted(name for name in set(sys.modules) - before if name.partition(".")[0] not in sys.stdlib_module_names))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['payflow', 'payflow._version']"


def test_every_extra_has_a_job(ours: metadata.Distribution) -> None:
    declared = set(ours.metadata.get_all("Provides-Extra") or ())
    assert declared == (JOBS.keys() - {""}) | OURS


def test_what_is_not_declared_is_not_there(ours: metadata.Distribution, tmp_path: Path) -> None:
    """That the jobs run without it would prove nothing if it could be imported."""
    libraries = installed(ours, "", tmp_path / "libraries")
    code = f"import sys; sys.path[:1] = [{str(libraries)!r}]; import click; import segno"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False, capture_output=True, text=True)
    assert "No module named 'segno'" in done.stderr
