"""The mock gateway: in process, signed, every channel, no account needed, no money moved.

It is a whole gateway: payments are ordered, a payer pays them at a cashier, signed callbacks come, queries are answered
from a truth of its own, refunds end later. What goes wrong can be ordered by the amount, by a token, or by a
test: see :mod:`.faults`. Read in this order: words (*their word → our event*) · signed · far_side · faults · outgoing ·
bank · gateway.

A shop in one process::

    mock = MockGateway("mock", secret, deliver=InProcessDelivery(flow.receive))   # or HttpDelivery(lambda account: url)
    mock.start()                                                                  # or mock.pump() in a test
    mock.payer.pay(out_trade_no)
"""

from __future__ import annotations

from .faults import AMOUNTS, TOKENS, Fault, Faults
from .gateway import MockGateway, Payer
from .outgoing import HttpDelivery, InProcessDelivery, MockCallback, Outgoing, PumpReport
from .words import Capture, Trade, TradeRefund

__all__ = [
    "AMOUNTS", "Capture", "Fault", "Faults", "HttpDelivery", "InProcessDelivery", "MockCallback", "MockGateway",
    "Outgoing", "Payer", "PumpReport", "TOKENS", "Trade", "TradeRefund",
]  # fmt: skip
