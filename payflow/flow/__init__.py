"""The walk: everything payflow does with a payment, from the host's call or the gateway's word to the stored fact.

    callback ─ gateway.read ─▶ event ─ gather ─▶ decide (pure) ─▶ write (one set, one transaction) ─▶ acknowledge
    verb ─ gather ─▶ decide ─▶ write (intent) ─▶ call the gateway ─▶ answer ─▶ decide ─▶ write (result)

No network happens inside a transaction, and no transaction is left open while the gateway is asked. A decision made on
facts that somebody changed in the meantime is refused by the store and made again.

``walk``       the verbs, and the class :class:`Flow` that a host holds
``receiving``  callbacks
``calling``    attempts and questions to gateways
``settling``   gather, decide, write
"""

from .calling import CheckReport
from .settling import Settings
from .walk import CHANNELS, Flow, Result

__all__ = ["CHANNELS", "CheckReport", "Flow", "Result", "Settings"]
