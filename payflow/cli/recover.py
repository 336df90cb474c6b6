"""``payflow recover``: end what is in doubt between the payments' database and the ledger's."""

from __future__ import annotations

from dataclasses import asdict

import click

from .findings import lang_option, spoken_here
from .opening import as_json, config_option, said_plainly, store_at

_WORDS = {
    "en": {
        "alone": "The ledger is kept with the payments: nothing can be in doubt.",
        "committed": "committed", "rolled_back": "rolled back", "waiting": "left to its writer",
        "none": "Nothing is in doubt.",
    },
    "zh": {
        "alone": "账本与支付在同一个数据库中，不会有悬而未决的事务。",
        "committed": "已提交", "rolled_back": "已回滚", "waiting": "留给写入方",
        "none": "没有悬而未决的事务。",
    },
}  # fmt: skip


@click.command("recover")
@config_option
@click.option(
    "--lease",
    type=click.FloatRange(min=0),
    help="Seconds that an undecided one is left to its writer. [default: config]",
)
@click.option("--json", "json_wanted", is_flag=True, help="Print it as JSON.")
@lang_option
def command(path: str, lease: float | None, *, json_wanted: bool, lang: str | None) -> None:
    """End what processes that died have left prepared in the ledger's own database (wallet.store).

    What is decided is ended as it was decided; what is not is rolled back after its lease. Workers do the same all the
    time. Exit code 1: something is still waiting.
    """
    from ..store import TwoPhaseStore

    words = _WORDS[lang or spoken_here()]
    with said_plainly():
        opened = store = store_at(path)
        try:
            store.check_schema()
            if not isinstance(store, TwoPhaseStore):
                click.echo(words["alone"])
                return
            found = store.recover(lease)
        finally:
            opened.close()
    if json_wanted:
        click.echo(as_json(asdict(found)))
    else:
        for what in ("committed", "rolled_back", "waiting"):
            for name in getattr(found, what):
                click.echo(f"{words[what]}  {name}")
        if not (found.ended or found.waiting):
            click.echo(words["none"])
    if found.waiting:
        raise SystemExit(1)
