"""A QR code as inline SVG. Needs the extra ``qr`` (segno), loaded when the first one is drawn."""

from __future__ import annotations

from ..errors import ConfigError


def qr_svg(text: str, *, scale: int = 5, border: int = 2) -> str:
    """``text`` as an ``<svg>`` to put into a page: ``scale`` pixels a module, ``border`` modules of white around it.

    Raises ``CONFIG_MISSING_EXTRA`` if segno is not installed.
    """
    try:
        import segno
    except ImportError:
        raise ConfigError(
            'A QR code needs segno: pip install "payflow-gateway[qr]"', code="CONFIG_MISSING_EXTRA"
        ) from None
    code = segno.make(text, micro=False)
    drawn: str = code.svg_inline(scale=scale, border=border, light="#fff")
    width, height = code.symbol_size(scale=scale, border=border)
    return drawn.replace("<svg ", f'<svg viewBox="0 0 {width} {height}" ', 1)  # so that a page may draw it smaller
