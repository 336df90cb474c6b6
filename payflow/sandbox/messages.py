"""What goes in and out of the sandbox over HTTP, and what one gateway's side has to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .books import Books, Order, QueuedCallback, Refund
from .clock import SandboxClock
from .faults import Faults
from .material import Material
from .trades import Habits, Trades

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it arrived. ``target`` is the raw path with its query, ``body`` the raw bytes."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path without its query, as it came."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What stands behind the question mark, as it came."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        """The first value of a header, any case; "" if it is missing."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer, and how it travels. ``stream`` sends pieces as they come (pages that follow what happens)."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False  # close the connection instead of answering
    bytes_per_second: float = 0.0
    stream: Iterable[bytes] | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What both sides share."""

    books: Books
    clock: SandboxClock
    faults: Faults
    trades: Trades
    material: Material
    addresses: list[str]  # the sandbox's own address, once it listens

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return self.addresses[0] if self.addresses else "http://127.0.0.1"


class Side(Protocol):
    """The far side of one gateway."""

    habits: Habits

    def takes(self, path: str) -> bool:
        """Whether requests to this path are its own."""
        ...

    def answer(self, request: Incoming) -> Outgoing:
        """Answer a request, faults included. Raises nothing: whatever is wrong with it is an answer."""
        ...

    def callback(self, queued: QueuedCallback, order: Order, refund: Refund | None) -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback, signed now."""
        ...

    def accepted(self, status: int, body: bytes) -> bool:
        """Whether an answer to a callback means "received, do not send again"."""
        ...

    def rotate(self) -> str:
        """Go over to the next certificate; its serial."""
        ...
