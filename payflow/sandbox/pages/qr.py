"""The cashier's address as a QR code, if ``segno`` is installed (``pip install payflow-gateway[qr]``)."""

from __future__ import annotations

import io

from ...markup import Html, tag, trusted


def qr(text: str, label: str) -> Html | None:
    """A picture of ``text``; ``None`` without ``segno``."""
    try:
        import segno
    except ImportError:
        return None
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, scale=4, border=3, dark="#000", light="#fff", omitsize=True,
        svgclass=None, lineclass=None,
    )  # fmt: skip
    return tag("div", trusted(drawn.getvalue().decode("utf-8")), class_="qr", role="img", aria_label=label)
