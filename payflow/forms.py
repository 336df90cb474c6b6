"""Reading ``application/x-www-form-urlencoded`` bytes at their word.

The readers of web frameworks are kind: they keep the first or the last of two equal fields, let a broken ``%`` stand
and replace what does not decode. A signature is about exact bytes, so this one refuses all of that. It works on bytes
from end to end; which characters they are is decided after they are known to be genuine.
"""

from __future__ import annotations

from binascii import a2b_qp

from .errors import CallbackRefused

#: As many fields as a callback may have; genuine ones have about thirty.
MAX_FIELDS = 200
_MAX_NAME = 128

_VISIBLE = bytes(range(0x21, 0x7F))
_NAME = bytes(byte for byte in _VISIBLE if byte not in b"&=%+")
#: What stands for ``&`` and for ``=`` while escapes are undone; no escape may bring forth either.
_AND, _IS = b"\x01", b"\x02"
_MARKED = bytes.maketrans(b"&=+%", _AND + _IS + b" =")

#: The charsets a form may name, and how they are read. GB 18030 contains GBK, and GBK contains GB 2312.
CHARSETS = {"utf-8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}


def parse(body: bytes) -> dict[bytes, bytes]:
    """The fields of a form, names and values as bytes, percent-decoded once, in the order they came.

    Raises ``CallbackRefused``: ``CALLBACK_DUPLICATE_FIELD`` for a name that comes twice, ``CALLBACK_MALFORMED`` for
    anything that is not such a form: an empty body, a field without ``=``, a name that is empty or not plain, a
    broken escape (``%u4e2d``, ``%2``), the bytes 0 to 2, characters that had to be escaped, too many fields.
    """
    if not body:
        raise _malformed("The form is empty")
    if body.translate(None, _VISIBLE):
        raise _malformed("The form has characters that must be escaped")
    if body.count(b"&") >= MAX_FIELDS:
        raise _malformed("The form has too many fields")
    # All escapes are undone at once by the C reader of quoted-printable, which has the same escapes with another sign.
    # A sound escape shortens the text by two, a broken one by less, so the length tells whether all were sound.
    undone = a2b_qp(body.translate(_MARKED))
    if len(undone) != len(body) - 2 * body.count(b"%"):
        raise _malformed("The form has a broken escape")
    pairs = undone.split(_AND)
    if len(pairs) != body.count(b"&") + 1 or undone.count(_IS) != body.count(b"=") or b"\x00" in undone:
        raise _malformed("The form has control characters that no text has")
    try:
        fields: dict[bytes, bytes] = dict([pair.split(_IS) for pair in pairs])
    except ValueError:
        fields = _unequal(pairs)
    if len(fields) != len(pairs):
        raise CallbackRefused("A form field came more than once", code="CALLBACK_DUPLICATE_FIELD")
    if b"".join(fields).translate(None, _NAME) or b"" in fields or max(map(len, fields)) > _MAX_NAME:
        raise _malformed("A form field has no plain name")
    return fields


def _unequal(pairs: list[bytes]) -> dict[bytes, bytes]:
    """The fields of a form in which some value holds a bare ``=``, or some field has none."""
    fields = {}
    for pair in pairs:
        name, found, value = pair.partition(_IS)
        if not found:
            raise _malformed("The form has a field without '='")
        fields[name] = value.replace(_IS, b"=")
    return fields


def charset_of(name: bytes | None) -> str:
    """The codec of a charset that a form names; UTF-8 if it names none. ``CALLBACK_CHARSET`` outside of the list."""
    if name is None:
        return "utf-8"
    codec = CHARSETS.get(name.decode("latin-1").lower()) if len(name) <= 16 else None
    if codec is None:
        raise CallbackRefused("The form names a charset that is not taken", code="CALLBACK_CHARSET")
    return codec


def decoded(raw: bytes, codec: str) -> str:
    """``raw`` as text, every byte of it, or ``CALLBACK_CHARSET``."""
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        raise CallbackRefused("The form is not in the charset it names", code="CALLBACK_CHARSET") from None


def _malformed(why: str) -> CallbackRefused:
    return CallbackRefused(why, code="CALLBACK_MALFORMED")
