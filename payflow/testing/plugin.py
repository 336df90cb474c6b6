"""pytest fixtures for whoever tests a shop: a flow with a clock that is set, genuine and tampered callbacks, scripted
faults, books that must agree, signed answers for those who mock HTTP, and a far side on a free port for all others.

Nothing is automatic, and there is no entry point: pytest would load one in every project that has payflow installed,
and refuse the line below as the same plugin under a second name. In a ``conftest.py``::

    pytest_plugins = ["payflow.testing.plugin"]

    def test_an_order_is_paid_once(payflow_flow, payflow_notify, payflow_conserved):
        payment = payflow_flow.pay(amount=Money(1250), channel="qr", action="buy", key="k").payment
        payflow_notify(payment, times=3, at_once=2)
        assert payflow_flow.payment(payment.id).captured == 1250
        payflow_conserved()

    def test_my_shop(payflow_sandbox):
        shop = MyShop(alipay=payflow_sandbox.account("alipay"))
        payflow_sandbox.pay("ORDER_0001")     # what the payer does
        payflow_sandbox.deliver()             # callbacks that are due
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..flow import Flow
    from ..gateway import Callback, Reply
    from ..records import Payment
    from ..sandbox import Material, Sandbox
    from ..wallet import Wallet
    from ..worker import Worker
    from .answers import Answers
    from .faults import Faults


class SetClock:
    """A clock that stands until it is moved. Calling it gives microseconds since 1970 UTC."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        """Move it; back with a negative number."""
        self.now += round(seconds * 1_000_000)


@pytest.fixture
def payflow_clock() -> SetClock:
    """The clock of this test's flow: it stands until ``forward(seconds)``."""
    from ..clock import system_clock

    return SetClock(system_clock())


@pytest.fixture
def payflow_store_url(tmp_path: Path) -> str:
    """Where this test's flow keeps its books: override it with a fixture of the same name for another database."""
    return f"sqlite:///{tmp_path}/payflow.db"


@pytest.fixture
def payflow_sides() -> dict[str, Any]:
    """The gateways' own side of each account: what signs callbacks that this test's flow believes."""
    from .callbacks import AlipaySide, MockSide, WeChatSide

    return {"alipay": AlipaySide(), "wechat": WeChatSide(), "mock": MockSide()}


@pytest.fixture
def payflow_config(payflow_store_url: str) -> dict[str, Any]:
    """What stands in the config of this test's flow: override it, or change what it gives."""
    return {
        "version": 1, "payment_gateway": "mock", "auto_confirm_order": True, "store": {"url": payflow_store_url},
        "secret": {"env": "PAYFLOW_TEST_SECRET"},
        "gateways": {"mock": {"gateway": "mock", "secret": {"env": "PAYFLOW_TEST_SECRET"}}},
        "trusted_actions": [{"action": "buy"}], "wallet": {"units": {"tokens": {}}},
    }  # fmt: skip


@pytest.fixture
def payflow_gateways(
    request: pytest.FixtureRequest, payflow_sides: Any, payflow_clock: SetClock, tmp_path: Path
) -> Callable[[], dict[str, Any]]:
    """Makes the gateways of each flow that is opened: override it for accounts of your own.

    The mock's far side is a file of this test's, so that every flow sees the same. Alipay and WeChat Pay only receive,
    unless the test takes ``payflow_answers``: then they can send as well, and nothing but those answers is reached.
    """
    from ..transport import Surroundings

    sends = "payflow_answers" in request.fixturenames
    around = Surroundings(clock=payflow_clock, notify_url="https://shop.example/callbacks")

    def gateways() -> dict[str, Any]:
        made = {
            name: payflow_sides[name].signer.sending(name, around) if sends else payflow_sides[name].gateway(name)
            for name in ("alipay", "wechat")
        }
        return {**made, "mock": payflow_sides["mock"].gateway(clock=payflow_clock, state=tmp_path / "mock-bank.db")}

    return gateways


@pytest.fixture
def payflow_faults() -> Iterator[Faults]:
    """Scripted faults: ``crash``, ``kill``, ``meet``, ``at_once``; see :mod:`payflow.testing.faults`.

    At the end of the test everything that was scripted must have happened.
    """
    from .faults import Faults

    faults = Faults()
    yield faults
    faults.check()


@pytest.fixture
def payflow_opened(
    payflow_config: dict[str, Any], payflow_clock: SetClock, payflow_gateways: Any, payflow_faults: Faults,
    payflow_secret: str,
) -> Iterator[Callable[[], Flow]]:  # fmt: skip
    """Opens flows over this test's database, as so many processes would; ``payflow_faults`` strikes each of them.

    Accounts of the config that ``payflow_gateways`` does not make are opened as the config says.
    """
    from ..assembly import open_flow, open_gateways
    from ..config import load

    config = load(payflow_config, {"PAYFLOW_TEST_SECRET": payflow_secret})
    flows: list[Flow] = []

    def opened() -> Flow:
        gateways = {**open_gateways(config, payflow_clock), **payflow_gateways()}
        flows.append(open_flow(config, gateways=gateways, clock=payflow_clock, migrate=True))
        return payflow_faults.watch(flows[-1])

    yield opened
    for flow in flows:
        flow.store.close()


@pytest.fixture
def payflow_secret() -> str:
    """What ``PAYFLOW_TEST_SECRET`` is in the config of this test's flows."""
    return secrets.token_urlsafe(48)


@pytest.fixture
def payflow_flow(payflow_opened: Callable[[], Flow]) -> Flow:
    """A flow of this test's own, ready, with a mock account and callbacks of Alipay and WeChat Pay that are believed.

    Payments go to the mock gateway; what was sent with another library is taken over with ``flow.expect(account=…)``.
    """
    return payflow_opened()


@pytest.fixture
def payflow_wallet(payflow_flow: Flow) -> Wallet:
    """The wallet over this test's flow, with the unit ``tokens``."""
    from ..assembly import open_wallet

    return open_wallet(payflow_flow)


@pytest.fixture
def payflow_worker(payflow_flow: Flow) -> Worker:
    """A worker over this test's flow: ``payflow_worker.round()`` does what is due by ``payflow_clock``."""
    from ..assembly import open_worker

    return open_worker(payflow_flow)


@dataclass(frozen=True)
class Notify:
    """Lets a gateway call: genuinely signed, unless it is told to tamper."""

    flow: Flow
    sides: dict[str, Any]
    clock: SetClock

    def __call__(
        self, payment: Payment, kind: str = "paid", *, times: int = 1, at_once: int = 1,
        tamper: Callable[[bytes], bytes] | None = None, late_seconds: float = 0, **told: Any,
    ) -> list[Reply]:  # fmt: skip
        """Deliver a callback about a payment; the replies.

        ``times``: that often, one after the other. ``at_once``: by so many threads that start together. ``tamper``
        changes the body after it was signed. ``late_seconds``: the clock goes on before it arrives. ``told``: what is
        not as in the payment (``amount=1``, ``out_trade_no="ANOTHER"``, ``merchant=…``).
        """
        from .faults import Faults

        callback = self.made(payment, kind, tamper=tamper, **told)
        self.clock.forward(late_seconds)
        replies: list[Reply] = []
        for found in Faults.at_once(*[lambda: self.deliver(*[callback] * times)] * at_once):
            if isinstance(found, BaseException):
                raise found
            replies += found
        return replies

    def made(
        self, payment: Payment, kind: str = "paid", *, tamper: Callable[[bytes], bytes] | None = None, **told: Any
    ) -> Callback:
        """The same callback, signed now and not delivered: :meth:`deliver` it later, or after another one."""
        from ..gateway import Callback

        gateway = self.flow.gateways[payment.account]
        facts = {
            "out_trade_no": payment.out_trade_no, "amount": payment.amount, "currency": payment.currency,
            "at": self.clock(), "merchant": gateway.merchant, "app": gateway.app, **told,
        }  # fmt: skip
        made = self.sides[payment.account].callback(kind, **facts)
        return Callback(made.account, made.headers, made.body if tamper is None else tamper(made.body), made.method)

    def deliver(self, *callbacks: Callback) -> list[Reply]:
        """Deliver these, in this order, each to its end; the replies."""
        from ..intake import Intake

        intake = Intake(self.flow)
        return [intake.answer("POST", each.account, each.headers, each.body) for each in callbacks]

    def to(self, flow: Flow) -> Notify:
        """The same, calling another flow."""
        return Notify(flow, self.sides, self.clock)


@pytest.fixture
def payflow_notify(payflow_flow: Flow, payflow_sides: Any, payflow_clock: SetClock) -> Notify:
    """Lets a gateway call about a payment: see :class:`Notify`."""
    return Notify(payflow_flow, payflow_sides, payflow_clock)


@pytest.fixture
def payflow_answers(payflow_sides: Any, payflow_clock: SetClock) -> Iterator[Answers]:
    """What Alipay and WeChat Pay answer, signed and registered with ``responses``; see :mod:`payflow.testing.answers`.

    It mocks every request of the ``requests`` library while the test runs. Needs ``responses``.
    """
    import responses

    from .answers import Answers

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Answers(mock, payflow_sides, payflow_clock)


@pytest.fixture
def payflow_conserved(payflow_flow: Flow) -> Callable[[], None]:
    """Fails where a unit was lost or made: the doctor's invariants, and every balance and chain computed again."""
    from ..auditing import Audit
    from ..doctor import broken

    def conserved() -> None:
        store: Any = payflow_flow.store
        wrong = [f"{found.invariant.number} {found.invariant.says}: {found.rows}" for found in broken(store)]
        audit = Audit(store)
        wrong += [f"{found}" for found in (*audit.accounts(), *audit.payments())]
        assert not wrong, "The books do not agree:\n" + "\n".join(wrong)

    return conserved


# -- the far side of both real gateways ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def payflow_material() -> Material:
    """The keys and certificates of every sandbox of this run: making them takes most of a sandbox's start."""
    from ..sandbox import Material

    return Material()


@pytest.fixture
def payflow_sandbox(payflow_material: Material) -> Iterator[Sandbox]:
    """A sandbox of this test's own, in memory, on a free port, stopped afterwards."""
    from ..sandbox import Sandbox

    with Sandbox(material=payflow_material, refund_seconds=0.0) as sandbox:
        yield sandbox
