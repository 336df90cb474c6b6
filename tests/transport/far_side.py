"""Far sides that do exactly what a test says, byte by byte: real sockets on this machine."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

Script = Callable[["Visit"], None]


def answer(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole answer with its length."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Visit:
    """One connection, seen from the far side."""

    def __init__(self, side: FarSide, sock: socket.socket, number: int) -> None:
        self.side = side
        self.sock = sock
        self.number = number  # of the connection, from 1
        self._buffer = b""

    def request(self) -> bytes | None:
        """The next whole request, or ``None`` when the caller has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        while len(rest) < length:
            if not self._more():
                return None
            rest = self._buffer.partition(b"\r\n\r\n")[2]
        self._buffer = rest[length:]
        whole = head + b"\r\n\r\n" + rest[:length]
        with self.side.lock:
            self.side.requests.append(whole)
        return whole

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes, every: float = 0.05) -> None:
        """One byte after the other, for as long as somebody listens."""
        for at in range(len(data)):
            self.sock.sendall(data[at : at + 1])
            if self.side.over.wait(every):
                return

    def wait(self, seconds: float = 30) -> None:
        self.side.over.wait(seconds)

    def _more(self) -> bool:
        data = self.sock.recv(65536)
        self._buffer += data
        return bool(data)


class FarSide:
    """Listens on 127.0.0.1 and runs its script for every connection, each in a thread."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.script = script
        self.tls = tls
        self.host = host
        self.requests: list[bytes] = []
        self.connections = 0
        self.lock = threading.Lock()
        self.over = threading.Event()
        self._open: set[socket.socket] = set()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def stop(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self.lock:
            for sock in tuple(self._open):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        bare = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            self.script(Visit(self, sock, number))
        except OSError:
            pass
        finally:
            with self.lock:
                self._open.discard(bare)
            sock.close()


def says(*answers: bytes) -> Script:
    """Answers each request with the next of ``answers``, over all connections; the last one is repeated."""
    left = list(answers)

    def script(visit: Visit) -> None:
        while visit.request() is not None:
            with visit.side.lock:
                data = left.pop(0) if len(left) > 1 else left[0]
            visit.say(data)

    return script


def says_and_ends(data: bytes) -> Script:
    """One answer to one request, then the end of the connection."""

    def script(visit: Visit) -> None:
        if visit.request() is not None:
            visit.say(data)

    return script
