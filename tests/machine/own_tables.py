"""Documents that hosts might write."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from payflow.machine.own import document_of
from payflow.tables import PAYMENT


def built_in() -> dict[str, Any]:
    """The payment table as a document, to be changed."""
    return copy.deepcopy(document_of(PAYMENT))


def shipping() -> dict[str, Any]:
    """A shop that prepares, ships and delivers what is paid, and may think again before it ships."""
    document = built_in()
    refunds = {"refund_part": "partially_refunded", "refund_full": "refunded"}
    states = document["states"]
    states["paid"]["on"]["prepare"] = "preparing"
    states["paid"]["on"]["remind"] = {"to": "paid", "tells": "payment.reminded"}
    states["preparing"] = {
        "on": {**refunds, "unprepare": "paid", "ship": {"to": "shipped", "tells": "payment.shipped"}}
    }
    states["shipped"] = {"means": "handed to the courier", "on": {**refunds, "arrive": "delivered"}}
    states["delivered"] = {"on": dict(refunds)}
    return document


def stricter() -> dict[str, Any]:
    """A shop that gives back all or nothing, and takes no late money."""
    document = built_in()
    states = document["states"]
    del states["partially_refunded"], states["paid"]["on"]["refund_part"]
    for state in ("cancelled", "failed"):
        states[state] = {"final": True}
    return document


@st.composite
def grown(draw: st.DrawFn) -> dict[str, Any]:
    """Any table with up to six own states beyond ``paid`` or ``partially_refunded``, and any moves between them."""
    document = built_in()
    states = document["states"]
    names = [f"own_{number}" for number in range(draw(st.integers(1, 6)))]
    refunds = {"refund_part": "partially_refunded", "refund_full": "refunded"}
    for number, name in enumerate(names):
        states[name] = {"on": dict(refunds)}
        before = draw(st.sampled_from(["paid", "partially_refunded", *names[:number]]))
        states[before]["on"][f"enter_{name}"] = {"to": name, "tells": f"payment.entered_{'abcdef'[number]}"}
    for number in range(draw(st.integers(0, 8))):
        source, target = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        states[source]["on"][f"jump_{number}"] = target
    return document
