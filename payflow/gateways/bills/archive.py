"""The ZIP around Alipay's bills, taken from strangers: nothing is extracted, every byte that comes out is counted.

Refused before anything is decompressed: names that lead elsewhere, links, anything but a bill and its summary
(``BILL_PATH_TRAVERSAL``), archives in archives, entries that share bytes as in CVE-2024-0450 (``BILL_TOO_LARGE``).
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from io import BytesIO
from os import PathLike
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from .records import BillError, BillLimits, too_large
from .streams import check_size

#: What a bill can be read from: its bytes, a path, or a binary file that can be positioned.
Source = bytes | str | PathLike[str] | BinaryIO

_STEP = 65_536
#: The directory of an archive with two entries has a few hundred bytes, its last record at most 65 557.
_MAX_DIRECTORY = 70_000
_LOCAL_HEADER = 30
_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}?_(业务|账务|财务)(明细|明细\(汇总\)|汇总)\.csv")
_LEADING_OUT = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|[\x00-\x1f]")
_BRACKETS = str.maketrans("（）", "()")


class Archive:
    """One bill and its summary inside a ZIP. Made by :func:`opened`."""

    def __init__(self, file: ZipFile, detail: ZipInfo, summary: ZipInfo | None, limits: BillLimits) -> None:
        self._file, self._detail, self._summary, self._limits = file, detail, summary, limits
        self._given = 0

    @property
    def has_summary(self) -> bool:
        """Whether the file with the sums is there."""
        return self._summary is not None

    def detail(self) -> Iterator[bytes]:
        """The bytes of the bill."""
        return self._bytes_of(self._detail)

    def summary(self) -> Iterator[bytes]:
        """The bytes of its summary; none if there is no such entry."""
        return iter(()) if self._summary is None else self._bytes_of(self._summary)

    def _bytes_of(self, entry: ZipInfo) -> Iterator[bytes]:
        # zipfile stops at the size an entry claims. With a claim above every limit it goes on to the real end, where
        # it checks the CRC; the true claim is held against what came out.
        frank = copy(entry)
        frank.file_size = self._limits.max_bytes + _STEP
        out = 0
        with _refusing(), self._file.open(frank) as member:
            while piece := member.read(_STEP):
                out += len(piece)
                self._given += len(piece)
                check_size(entry.compress_size, out, self._limits)
                check_size(self._given, self._given, self._limits)
                if out > entry.file_size:
                    raise too_large("More comes out of an entry than it says")
                yield piece
        if out != entry.file_size:
            raise BillError("Less comes out of an entry than it says")


@contextmanager
def opened(source: Source, family: str, limits: BillLimits) -> Iterator[Archive]:
    """The archive of a bill of this family (``业务`` or ``账务``); raises :class:`BillError`.

    A file that was handed in stays open.
    """
    if isinstance(source, bytes):
        with BytesIO(source) as file:
            yield _archive(file, family, limits)
    elif isinstance(source, str | PathLike):
        with open(source, "rb") as file:
            yield _archive(file, family, limits)
    else:
        yield _archive(source, family, limits)


def _archive(file: BinaryIO, family: str, limits: BillLimits) -> Archive:
    sparing = _Sparing(file)
    try:
        with _refusing():
            archive = ZipFile(sparing)  # it asks for no more than _Sparing has
    except BillError:
        if sparing.failure is not None:  # zipfile says of every failing disk that the archive is bad
            raise sparing.failure from None
        raise
    sparing.most = None
    entries = archive.infolist()
    if not 1 <= len(entries) <= 2:
        raise _elsewhere("An archive of a bill has one or two entries")
    named: dict[bool, ZipInfo] = {}
    for entry in entries:
        sums = _checked_name(entry, family)
        if sums in named:
            raise _elsewhere("An entry comes twice")
        _check_entry(entry, limits)
        named[sums] = entry
    if False not in named:
        raise BillError("The archive holds no bill")
    _check_overlap(file, entries, archive.start_dir)
    return Archive(archive, named[False], named.get(True), limits)


def _checked_name(entry: ZipInfo, family: str) -> bool:
    """Whether this is the summary (or else the bill itself). ``orig_filename`` is the name before zipfile tidied it."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:  # not marked as UTF-8: zipfile took it for cp437, which keeps every byte
        try:
            name = name.encode("cp437").decode("gb18030")
        except UnicodeError:
            raise BillError("The name of an entry is not written in GBK", code="BILL_CHARSET") from None
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if _LEADING_OUT.search(name) or kind not in {0, stat.S_IFREG}:
        raise _elsewhere("An entry leads out of the archive, or is not a plain file")
    if name.lower().endswith((".zip", ".gz", ".7z", ".rar")):
        raise too_large("There is an archive inside the archive")
    match = _NAME.fullmatch(name.translate(_BRACKETS))
    families = {family, "财务"} if family == "账务" else {family}  # what older account files are called
    if match is None or match[1] not in families:
        raise _elsewhere("There is an entry that is no part of this bill")
    return match[2] != "明细"


def _check_entry(entry: ZipInfo, limits: BillLimits) -> None:
    if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED} or entry.flag_bits & 0x1:
        raise BillError("An entry is encrypted or packed in a way no bill is")
    if entry.file_size > limits.max_bytes:
        raise too_large(f"More than {limits.max_bytes} bytes come out of this bill")


def _check_overlap(file: BinaryIO, entries: list[ZipInfo], directory: int) -> None:
    """Entries that share compressed bytes multiply what comes out: CVE-2024-0450."""
    free = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < free:
            raise too_large("Entries of the archive overlap")
        file.seek(entry.header_offset)
        header = file.read(_LOCAL_HEADER)
        lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        free = entry.header_offset + _LOCAL_HEADER + lengths + entry.compress_size
    if free > directory:
        raise too_large("Entries of the archive overlap with its directory")


def _elsewhere(why: str) -> BillError:
    return BillError(why, code="BILL_PATH_TRAVERSAL")


@contextmanager
def _refusing() -> Iterator[None]:
    """What zipfile and zlib say of bytes that are no archive. Errors of the disk (OSError) stay what they are."""
    try:
        yield
    except (BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, LookupError, OverflowError):
        # RuntimeError is what zipfile raises for encrypted entries and for methods it has not implemented.
        raise BillError("This is not a whole ZIP archive") from None


class _Sparing:
    """A file of which nobody reads more than ``most`` bytes at once, so that no directory fills the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.most: int | None = _MAX_DIRECTORY
        self.failure: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        """As much as asked for; ``BILL_TOO_LARGE`` if that is more than the end of a bill's archive would have."""
        if self.most is None:
            return self._file.read(size)
        try:
            found = self._file.read(min(size if size >= 0 else self.most + 1, self.most + 1))
        except OSError as error:
            self.failure = error
            raise
        if len(found) > self.most:
            raise too_large("The directory of the archive is too large")
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of a file; a place before its beginning is what a broken archive asks for."""
        if whence == 0 and offset < 0:
            raise BadZipFile
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of a file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Yes."""
        return True
