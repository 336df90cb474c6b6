"""The far side of Alipay and WeChat Pay, on this machine, with real cryptography and no account.

``payflow sandbox`` starts it; in tests::

    with Sandbox() as sandbox:
        ...                                # point a client at sandbox.url
        sandbox.pay("ORDER_0001")          # what the payer would do
        sandbox.deliver()                  # callbacks that are due, at once

It is written from the providers' documents, not from payflow's own gateways, and shares no code with them but the
primitives of ``signing``: what only one of the two believes shows as a failing test.
"""

from .books import Fault, Order, Refund
from .material import APPS, MERCHANTS, AlipayApp, Material, WeChatMerchant
from .sandbox import Sandbox

__all__ = ["APPS", "MERCHANTS", "AlipayApp", "Fault", "Material", "Order", "Refund", "Sandbox", "WeChatMerchant"]
