"""What the processes of :mod:`.processes` do. Run as a program: it gets ready, waits for the word, and tells."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import Any

from .processes import opened, told
from .world import Purse


def spends(purse: Purse, owner: str, amount: int, prefix: str, count: int) -> dict[str, Any]:
    """``count`` spends, one after the other: outcomes, and the longest of them in seconds."""
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for number in range(count):
        began = time.monotonic()
        outcomes[told(purse.wallet.spend, owner, "tokens", amount, key=f"{prefix}-{number}")] += 1
        longest = max(longest, time.monotonic() - began)
    return {"outcomes": outcomes, "longest": longest}


def crowd(purse: Purse, owner: str, amount: int, prefix: str, threads: int) -> dict[str, int]:
    """So many spends at once, each by a thread of its own wallet: nothing is combined."""
    from payflow.wallet import Wallet

    outcomes: Counter[str] = Counter()
    barrier = threading.Barrier(threads)

    def one(number: int) -> None:
        wallet = Wallet(purse.flow)
        barrier.wait()
        outcomes[told(wallet.spend, owner, "tokens", amount, key=f"{prefix}-{number}")] += 1

    crew = [threading.Thread(target=one, args=(number,)) for number in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return dict(outcomes)


def verbs(purse: Purse, calls: list[tuple[str, list[Any], dict[str, Any]]]) -> list[str]:
    """Verbs of the wallet (or ``flow.…``), one after the other."""
    return [told(_verb(purse, name), *args, **named) for name, args, named in calls]


def _verb(purse: Purse, name: str) -> Any:
    if name == "refund":
        return purse.flow.refund
    if name == "sweep_in_an_hour":
        return lambda: (purse.clock.forward(3600), purse.wallet.sweep())
    return getattr(purse.wallet, name)


def ring(purse: Purse, owners: int, place: int, count: int) -> dict[str, Any]:
    """Credit goes round: each process moves it on from owner to owner, some one way and some the other."""
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for number in range(count):
        source = (place + number) % owners
        target = (source + (1 if place % 2 else owners - 1)) % owners
        began = time.monotonic()
        outcomes[
            told(
                purse.wallet.transfer, f"owner-{source}", f"owner-{target}", "tokens", 1 + number % 7,
                key=f"t-{place}-{number}",
            )
        ] += 1  # fmt: skip
        longest = max(longest, time.monotonic() - began)
    return {"outcomes": outcomes, "longest": longest}


def main() -> None:
    order = json.loads(sys.argv[1])
    purse = opened(order["url"], **order["purse"])
    purse.store.accounts(["warm/tokens"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    result = globals()[order["what"]](purse, *order["args"])
    sys.stdout.write(json.dumps(result))
    purse.store.close()


if __name__ == "__main__":
    main()
