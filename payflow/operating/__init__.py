"""The operator's desk: find a payment, see why it is where it is, and do something about it, every act written down.

``standing``  pure: what a payment waits for, and whether that is as it should be
``acts``      pure: what can be asked for, and what the form must say
``desk``      the doing: look things up; write down who asks for what, do it, write down how it ended
``telling``   a payment's story in the operator's language
``pages``     what was looked up, as markup
``site``      requests and answers, for whatever web framework brings them (``payflow.flask``, ``payflow.django``)
"""

from __future__ import annotations

from .desk import Desk
from .operator import POWERS, Operator
from .site import Answer, Ask, Site

__all__ = ["POWERS", "Answer", "Ask", "Desk", "Operator", "Site"]
