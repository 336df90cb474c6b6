"""A far side that costs next to nothing: a process that answers every request with the same bytes, kept alive.

What is measured against it is the client. ``python -m benchmarks.answering`` reads the whole answer from its standard
input, listens on a free port, prints it, and stays until its input is closed.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of a process that answers with ``answer`` (head and body) until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.answering"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(len(answer).to_bytes(4, "big") + answer)
    process.stdin.flush()
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def _serve(connection: socket.socket, answer: bytes) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    while True:
        head, end, rest = waiting.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if end else None
        missing = (int(length[1]) if length else 0) - len(rest)
        if end and missing <= 0:
            connection.sendall(answer)
            waiting = rest[len(rest) + missing :]
            continue
        received = connection.recv(65_536)
        if not received:
            return
        waiting += received


def _until_closed() -> None:
    """End the process with its input: nobody is left who wants its answers."""
    sys.stdin.buffer.read()
    os._exit(0)


def _main() -> None:
    length = int.from_bytes(sys.stdin.buffer.read(4), "big")
    answer = sys.stdin.buffer.read(length)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=_until_closed, daemon=True).start()
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, answer), daemon=True).start()


if __name__ == "__main__":
    _main()
