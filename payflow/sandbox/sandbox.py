"""The sandbox as a whole: both far sides, their books and clock, the server and the sender of callbacks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from ..clock import Clock, system_clock
from .books import Books, Fault, Order
from .clock import SandboxClock
from .control import Control
from .delivery import Delivery
from .faults import Faults
from .material import Material
from .messages import Incoming, Outgoing, Side, World
from .server import Server
from .trades import Habits, Trades

logger = logging.getLogger("payflow.sandbox")

#: gateway → where its far side is.
SIDES = {"alipay": ("payflow.sandbox.alipay", "AlipaySide"), "wechat": ("payflow.sandbox.wechat", "WeChatSide")}


class Sandbox:
    """The far side of Alipay and WeChat Pay on this machine. A context manager; ``start`` and ``stop`` by hand.

    ``state`` is a folder that keeps keys and orders from one start to the next; without it both live in memory.
    ``port`` 0 takes any free one. ``speed`` lets time pass faster, ``seed`` makes faults at a rate repeatable,
    ``material`` are keys that another one has made already.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        state: str | Path | None = None,
        speed: float = 1.0,
        seed: int | None = None,
        clock: Clock = system_clock,
        refund_seconds: float = 0.5,
        lazy_alipay: bool = True,
        material: Material | None = None,
    ) -> None:
        folder = None if state is None else Path(state)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.clock = SandboxClock(clock, speed=speed)
        self.books = Books(":memory:" if folder is None else folder / "sandbox.db")
        self.faults = Faults(self.books, seed)
        self.material = material or Material(None if folder is None else folder / "keys")
        habits: dict[str, Habits] = {}
        self.trades = Trades(self.books, self.clock, self.faults, habits)
        self._addresses: list[str] = []
        self.world = World(self.books, self.clock, self.faults, self.trades, self.material, self._addresses)
        self.sides: dict[str, Side] = {}
        for name, (module, what) in SIDES.items():
            self.sides[name] = getattr(import_module(module), what)(
                self.world, refund_seconds=refund_seconds, lazy=lazy_alipay
            )
            habits[name] = self.sides[name].habits
        self.delivery = Delivery(self.world, self.sides)
        self.control = Control(self.world, self.sides, self.delivery)
        self._server = Server(self.answer, host, port)
        self._host = host

    # -- life -------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen and send callbacks, in the background."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._addresses[:] = [f"http://{host}:{self._server.port}"]
        self._server.start()
        self.delivery.start()
        logger.info("The sandbox listens at %s", self.url)
        return self

    def stop(self) -> None:
        """Stop listening and sending; the books are closed."""
        self.control.stop()
        self._server.stop()
        self.delivery.stop()
        self.books.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:PORT``."""
        return self.world.address

    # -- answering --------------------------------------------------------------------------------------------------

    def answer(self, request: Incoming) -> Outgoing:
        """Answer one request: a gateway's, or the sandbox's own pages and control API."""
        for side in self.sides.values():
            if side.takes(request.path):
                answer = side.answer(request)
                logger.info("%s %s: %d", request.method, request.path, answer.status)
                return answer
        return self.control.answer(request)

    # -- what a payer or a test does --------------------------------------------------------------------------------

    def order(self, out_trade_no: str) -> Order:
        """The one order with this number; ``LookupError`` if there is none, or if two merchants have it."""
        found = [one for name in self.sides for one in self.books.find_orders(name, out_trade_no)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} orders have the number {out_trade_no}")
        return found[0]

    def pay(self, out_trade_no: str) -> Order:
        """The payer opens the order and pays it."""
        return self.trades.pay(self.trades.show(self.order(out_trade_no)))

    def decline(self, out_trade_no: str) -> Order:
        """The payer's bank refuses."""
        return self.trades.decline(self.trades.show(self.order(out_trade_no)))

    def fault(self, kind: str, **how: Any) -> Fault:
        """Let something go wrong; see :meth:`payflow.sandbox.faults.Faults.order`."""
        return self.faults.order(kind, now=self.clock(), **how)

    def deliver(self) -> int:
        """Do everything that is due, now; how much that was."""
        return self.delivery.round()

    def advance(self, seconds: float) -> int:
        """Move the clock forward and do what is due by then."""
        self.clock.advance(seconds)
        return self.delivery.round()

    # -- settings for clients ---------------------------------------------------------------------------------------

    def account(self, name: str, *, folder: Path | None = None) -> Mapping[str, Any]:
        """The options of a payflow account that talks to this sandbox, as they stand in ``payflow.json``.

        ``name``: ``alipay`` (key mode), ``alipay-certificate``, ``wechat`` (platform certificate),
        ``wechat-public-key`` or ``wechat-switch``. With ``folder`` the keys are written there and named as files.
        """
        from .settings import account_options

        return account_options(self.material, self.url, name, folder)

    @staticmethod
    def accounts() -> Sequence[str]:
        """The names :meth:`account` knows."""
        from .settings import ACCOUNTS

        return ACCOUNTS
