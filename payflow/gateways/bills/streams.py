"""Bytes as they arrive → lines of text, in constant memory: decompressed, hashed, counted, decoded strictly."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator

from .records import DEFAULT_LIMITS, BillError, BillLimits, too_large

_SHA1 = re.compile(r"[0-9A-Fa-f]{40}", re.ASCII)
_STEP = 65_536
#: Before that much came out, a small file of many equal rows may shrink by more than ``max_ratio``.
FREE_BYTES = 1 << 20


def checked_sha1(chunks: Iterable[bytes], expected: str) -> Iterator[bytes]:
    """The same chunks, and after the last one ``BILL_HASH_MISMATCH`` unless they have this SHA-1 (hex, any case).

    WeChat's ``hash_value`` is about the **decompressed** bill, so this stands after :func:`gunzipped`. A reader gives
    its summary only after it has taken the last chunk; a bill with a summary is therefore a bill with this hash.
    """
    if not isinstance(expected, str) or _SHA1.fullmatch(expected) is None:
        raise BillError("There is no SHA-1 to compare with", code="BILL_HASH_MISMATCH")
    seen = hashlib.sha1(usedforsecurity=False)  # what the gateway gives; the bill came over TLS from its own host
    for chunk in chunks:
        seen.update(chunk)
        yield chunk
    if seen.hexdigest() != expected.lower():
        raise BillError("The bill does not have the SHA-1 the gateway stated", code="BILL_HASH_MISMATCH")


def gunzipped(chunks: Iterable[bytes], limits: BillLimits = DEFAULT_LIMITS) -> Iterator[bytes]:
    """A ``tar_type=GZIP`` download, decompressed piece by piece; ``BILL_TOO_LARGE`` by what comes out.

    Raises ``BILL_MALFORMED`` for what is not one whole gzip member and nothing else.
    """
    inflater = zlib.decompressobj(wbits=31)  # 31: a gzip header is demanded, its checksum and length are verified
    taken = given = 0
    for chunk in chunks:
        taken += len(chunk)
        rest = chunk
        while rest:
            if inflater.eof:
                raise BillError("There is something behind the end of the compressed bill")
            try:
                piece = inflater.decompress(rest, _STEP)
            except zlib.error:
                raise BillError("The bill is not valid gzip") from None
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            given += len(piece)
            check_size(taken, given, limits)
            if piece:
                yield piece
    if not inflater.eof:
        raise BillError("The compressed bill is cut off")


def check_size(taken: int, given: int, limits: BillLimits) -> None:
    """``BILL_TOO_LARGE`` once ``given`` bytes that came out of ``taken`` bytes are more than a bill would be."""
    if given > limits.max_bytes:
        raise too_large(f"More than {limits.max_bytes} bytes come out of this bill")
    if given > FREE_BYTES and given > taken * limits.max_ratio:
        raise too_large(f"Each byte of this archive becomes more than {limits.max_ratio}")


def text_lines(chunks: Iterable[bytes], charset: str, limits: BillLimits) -> Iterator[str]:
    """The lines of a bill without their ends (CRLF or LF), decoded strictly: ``utf-8`` (a BOM may lead) or ``gb18030``.

    In both no byte of a longer character is a line feed, so whole lines are cut out first and decoded together.
    """
    rest, total, number = b"", 0, 0
    for chunk in chunks:
        total += len(chunk)
        if total > limits.max_bytes:
            raise too_large(f"The bill has more than {limits.max_bytes} bytes")
        whole, feed, tail = (rest + chunk).rpartition(b"\n")
        if feed:
            for line in _decoded(whole, charset, number, limits):
                number += 1
                yield line
        rest = tail
        if len(rest) > 4 * limits.max_line:  # no charset here has characters of more than four bytes
            raise too_large(f"A line has more than {limits.max_line} characters")
    if rest:
        yield from _decoded(rest, charset, number, limits)


def _decoded(block: bytes, charset: str, before: int, limits: BillLimits) -> list[str]:
    if before == 0:
        block = _opening(block, charset)
    try:
        lines = block.decode(charset).split("\n")
    except UnicodeDecodeError as error:
        line = before + 1 + block.count(b"\n", 0, error.start)
        raise BillError(f"The bill is not written in {charset}", code="BILL_CHARSET", line=line) from None
    if len(block) > limits.max_line and max(map(len, lines)) > limits.max_line:
        raise too_large(f"A line has more than {limits.max_line} characters")
    return [line.removesuffix("\r") for line in lines]


def _opening(block: bytes, charset: str) -> bytes:
    """The first block without its BOM. GB18030 takes almost any bytes, so UTF-8 is recognised before it is tried."""
    if charset == "utf-8":
        return block.removeprefix(b"\xef\xbb\xbf")
    first = block.partition(b"\n")[0]
    if first.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or (not first.isascii() and _is_utf8(first)):
        raise BillError("The bill is written in Unicode, not in GBK", code="BILL_CHARSET", line=1)
    return block


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
