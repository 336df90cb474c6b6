"""The wallet: credit that is bought, given, spent, held, moved, and always explained.

    wallet = payflow.open_wallet("payflow.json")
    wallet.grant("user-17", "tokens", 1000, key="welcome-user-17")
    wallet.spend("user-17", "tokens", 60, key="chat-8841", use="chat")

Amounts are whole units of credit. Every operation has a key: the same operation with the same key is done once, and the
same key with other facts is refused. A wallet shares its flow's store, so that a payment and the credit it buys are one
transaction; :meth:`Wallet.joined` takes part in the host's.

    wallet     the verbs
    packs      what can be bought, at which price
    balance    what an account has, as it is now
    explaining statements, usage, and the watch over balances
"""

from __future__ import annotations

from .balance import Balance
from .packs import Pack, Rate, Shelf
from .statement import Line, Statement
from .usage import Usage
from .wallet import Wallet

__all__ = ["Balance", "Line", "Pack", "Rate", "Shelf", "Statement", "Usage", "Wallet"]
