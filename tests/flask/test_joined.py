"""The host's order and the payment in one session: both commit, or neither; sent and told only after the real
commit."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker

from payflow import Flow, Money, load, open_flow
from payflow.errors import ConfigError
from payflow.flask import PayFlow, current_payflow, joined_payflow, signals
from payflow.gateways.mock import MockGateway

from .test_flask import CONFIG


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "shop_order"
    number: Mapped[str] = mapped_column(String(40), primary_key=True)


class Sold(Exception):
    """The host changes its mind."""


@pytest.fixture
def flow(store_url: str) -> Iterator[Flow]:
    environ = {"SECRET": secrets.token_urlsafe(48), "MOCK_SECRET": secrets.token_urlsafe(48)}
    opened = open_flow(load({**CONFIG, "store": {"url": store_url}}, environ), migrate=True)
    yield opened
    opened.store.close()


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://").replace("mariadb://", "mariadb+pymysql://")


@pytest.fixture(params=["flask-sqlalchemy", "scoped session"])
def session(request: pytest.FixtureRequest, flow: Flow, store_url: str) -> Iterator[Any]:
    """An app with a session of its own kind; its context is pushed."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = sqlalchemy_url(store_url)
    if request.param == "flask-sqlalchemy":
        db = SQLAlchemy(app, model_class=Base)
        PayFlow(app, flow=flow)
        with app.app_context():
            Base.metadata.create_all(db.engine)
            yield db.session
            db.session.remove()
            db.engine.dispose()
        return
    from sqlalchemy import create_engine

    engine = create_engine(sqlalchemy_url(store_url))
    Base.metadata.create_all(engine)
    made = scoped_session(sessionmaker(engine))
    PayFlow(app, flow=flow, session=lambda: made)
    with app.app_context():
        yield made
    made.remove()
    engine.dispose()


@pytest.fixture
def told() -> Iterator[list[str]]:
    kinds: list[str] = []

    def hear(_: Any, message: Any) -> None:
        kinds.append(message.kind)

    with signals.message_written.connected_to(hear):
        yield kinds


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    numbers: list[str] = []
    plain = MockGateway.charge

    def charge(self: MockGateway, payment: Any) -> Any:
        numbers.append(payment.id)
        return plain(self, payment)

    monkeypatch.setattr(MockGateway, "charge", charge)
    return numbers


def bought(key: str) -> str:
    return joined_payflow().pay(amount=Money(2500), channel="qr", action="buy", key=key, reference=key).payment.id


def test_order_and_payment_commit_together_and_then_it_is_sent(session: Any, told: list[str], sent: list[str]) -> None:
    session.add(Order(number="A-1"))
    name = bought("A-1")
    assert (told, sent) == ([], [])
    session.commit()
    assert session.get(Order, "A-1") is not None
    assert current_payflow().payment(name).status == "pending"
    assert sent == [name]
    assert told == ["payment.created", "payment.pending"]
    session.commit()  # once more tells nobody again
    assert len(told) == 2


def test_the_host_rolls_back_and_nothing_remains(session: Any, told: list[str], sent: list[str]) -> None:
    session.add(Order(number="A-1"))
    bought("A-1")
    session.rollback()
    assert session.get(Order, "A-1") is None
    session.rollback()
    assert current_payflow().store.recent_payments(9) == []
    assert (told, sent) == ([], [])
    session.add(Order(number="A-2"))
    session.commit()  # of something else
    assert (told, sent) == ([], [])


def test_a_savepoint_that_is_released_tells_nobody_yet(session: Any, told: list[str], sent: list[str]) -> None:
    with session.begin_nested():
        bought("A-1")
    assert (told, sent) == ([], [])
    session.rollback()
    assert (told, sent) == ([], [])


def test_a_savepoint_that_is_rolled_back_takes_its_payment(session: Any, told: list[str], sent: list[str]) -> None:
    kept = bought("kept")

    def lose() -> None:
        with session.begin_nested():
            bought("lost")
            raise Sold

    with pytest.raises(Sold):
        lose()
    session.commit()
    assert [one.id for one in current_payflow().store.recent_payments(9)] == [kept]
    assert sent == [kept]
    assert told == ["payment.created", "payment.pending"]


def test_outside_a_session_it_is_told_at_once_and_a_broken_receiver_harms_nobody(session: Any, told: list[str]) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no mail today")

    with signals.payment_created.connected_to(broken):
        current_payflow().pay(amount=Money(100), channel="qr", action="buy", key="k")
    assert told == ["payment.created", "payment.pending"]


def test_without_a_session_there_is_nothing_to_join(database: Callable[[str], str], tmp_path: Any) -> None:
    from .test_flask import flow_in

    flow = flow_in(tmp_path)
    app = Flask(__name__)
    PayFlow(app, flow=flow)
    with app.app_context(), pytest.raises(ConfigError) as refused:
        joined_payflow()
    assert refused.value.code == "CONFIG_NO_SESSION"
    flow.store.close()


def test_the_commands_work_on_the_apps_own_flow(tmp_path: Any) -> None:
    from .test_flask import flow_in

    flow = flow_in(tmp_path)
    app = Flask(__name__)
    PayFlow(app, flow=flow)
    name = flow.pay(amount=Money(100), channel="qr", action="buy", key="k", reference="order-1").payment.id
    told = app.test_cli_runner().invoke(args=["payflow", "trace", "order-1"])
    assert told.exit_code == 0, told.output
    assert name in told.output
    assert "worker" in app.test_cli_runner().invoke(args=["payflow", "--help"]).output
    flow.store.close()


def test_the_worker_of_the_app_runs_handlers_in_its_context(tmp_path: Any) -> None:
    environ = {"SECRET": secrets.token_urlsafe(48), "MOCK_SECRET": secrets.token_urlsafe(48)}
    handlers = [{"name": "note", "on": ["payment.pending"], "call": "tests.flask.handlers:note"}]
    config = load({**CONFIG, "store": {"url": f"sqlite:///{tmp_path}/p.db"}, "handlers": handlers}, environ)
    flow = open_flow(config, migrate=True)
    app = Flask(__name__)
    PayFlow(app, flow=flow)
    flow.pay(amount=Money(100), channel="qr", action="buy", key="k")
    for _ in range(2):  # one message of a payment at a time
        assert app.test_cli_runner().invoke(args=["payflow", "worker", "--once"]).exit_code == 0
    assert app.extensions["told"] == ["payment.pending"]
    flow.store.close()
