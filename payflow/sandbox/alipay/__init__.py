"""The far side of Alipay: OpenAPI 2.0 at ``/gateway.do``, its callbacks, its bills.

Written from Alipay's documents (https://opendocs.alipay.com/open) and from what its own SDKs send, not from payflow's
gateway.
"""

from .side import AlipaySide

__all__ = ["AlipaySide"]
