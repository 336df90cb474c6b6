"""A ZIP whose names are GBK, as Alipay writes it. Python's own writer would make them UTF-8."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

_DOS_DAY = 0x0021  # 1980-01-01: the same files make the same bytes


def zipped(files: Sequence[tuple[str, bytes]]) -> bytes:
    """The archive of (name, content)."""
    out, directory = bytearray(), bytearray()
    for name, content in files:
        raw = name.encode("gbk")
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(content) + packer.flush()
        shared = struct.pack(
            "<HHHHHIIIHH", 20, 0, 8, 0, _DOS_DAY, zlib.crc32(content), len(packed), len(content), len(raw), 0
        )
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + shared + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + raw
        out += b"PK\x03\x04" + shared + raw + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(out), 0)
    return bytes(out + directory + b"PK\x05\x06" + end)
