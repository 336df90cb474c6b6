"""The page on which a payer pays: what to do now, and what became of it, for every gateway and channel.

``links``     the signed link to a payment's page, and where it may lead back to
``words``     what it says, in English and Chinese
``showing``   pure: a payment as its payer sees it
``following`` a stream that says when something has changed; so many at once and no more
``checkout``  requests and answers, for whatever web framework brings them (``payflow.flask``, ``payflow.django``)

The page never believes the address it was come back to: it shows what is stored, and has the gateway asked.
"""

from __future__ import annotations

from .checkout import Answer, Asked, Checkout

__all__ = ["Answer", "Asked", "Checkout"]
