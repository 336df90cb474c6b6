"""``payflow credit``: what an owner has, and what an operator may do about it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .findings import lang_option, spoken_here
from .opening import as_json, config_option, opened

if TYPE_CHECKING:
    from ..deciding.postings import Movement
    from ..wallet import Wallet

_WORDS = {
    "en": {
        "balance": "balance", "available": "available", "held": "held", "debt": "owed", "limit": "credit limit",
        "tier": "tier", "never": "never lapses", "until": "lapses {at}", "buckets": "spent in this order",
        "holds": "open holds", "hold": "until {at}",
    },
    "zh": {
        "balance": "余额", "available": "可用", "held": "预留", "debt": "欠款", "limit": "透支上限", "tier": "等级",
        "never": "不过期", "until": "{at} 过期", "buckets": "按此顺序消费", "holds": "未结预留", "hold": "至 {at}",
    },
}  # fmt: skip


class OwnerFirst(click.Group):
    """``payflow credit OWNER/UNIT`` shows; ``payflow credit grant …`` does."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """What is no subcommand is an account to be shown."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


@click.group("credit", cls=OwnerFirst)
@config_option
@lang_option
@click.pass_context
def command(context: click.Context, path: str, lang: str | None) -> None:
    """What an owner has: "payflow credit user-17/tokens". Operators give, correct and change with the subcommands.

    Options stand before the account or the subcommand.
    """
    context.obj = (path, lang or spoken_here())


account_argument = click.argument("account", metavar="OWNER/UNIT")
key_option = click.option("--key", required=True, help="Names the operation: the same key does it once.")
operator_option = click.option("--operator", default=getpass.getuser, help="Who decides; kept with it.")


@command.command("show")
@account_argument
@click.option("--json", "json_wanted", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def show(given: tuple[str, str], account: str, json_wanted: bool) -> None:
    """What an owner has now, in the order in which it is spent."""
    from ..assembly import open_wallet
    from ..clock import iso
    from ..ledger import owner_and_unit

    path, lang = given
    with opened(path) as flow:
        has = open_wallet(flow).balance(*owner_and_unit(account))
        open_holds = flow.store.open_holds(account)
    if json_wanted:
        facts: dict[str, Any] = {
            name: getattr(has, name) for name in ("balance", "available", "held", "debt", "next_expiry_at")
        }
        click.echo(as_json({
            "account": account, **facts, "tier": has.account.tier, "credit_limit": has.account.credit_limit,
            "buckets": [kept._asdict() for kept in has.buckets],
            "holds": [{"id": one.id, "amount": one.amount, "expires_at": iso(one.expires_at)} for one in open_holds],
        }))  # fmt: skip
        return
    words = _WORDS[lang]
    click.secho(account, bold=True)
    lines = [("balance", has.balance), ("available", has.available), ("held", has.held), ("debt", has.debt),
             ("limit", has.account.credit_limit), ("tier", has.account.tier)]  # fmt: skip
    for name, value in lines:
        click.echo(f"  {words[name]}: {value}")
    if has.buckets:
        click.echo(f"  {words['buckets']}:")
    for kept in has.buckets:
        when = (
            words["never"] if kept.expires_at is None else words["until"].format(at=(iso(kept.expires_at) or "")[:19])
        )
        click.echo(f"    {kept.kind:<7} {kept.remaining:>16}  {when}  {kept.id}")
    if open_holds:
        click.echo(f"  {words['holds']}:")
    for one in open_holds:
        when = words["hold"].format(at=(iso(one.expires_at) or "")[:19])
        click.echo(f"    {one.amount:>16}  {when}  {one.use} {one.key}")


@command.command("grant")
@account_argument
@click.argument("amount", type=int)
@key_option
@click.option("--kind", type=click.Choice(["promo", "refill", "paid"]), default="promo", show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), help="After how many days it lapses. Without it, never.")
@click.option("--memo", default="", help="What for; kept with it.")
@operator_option
@click.pass_obj
def grant(
    given: tuple[str, str],
    account: str,
    amount: int,
    *,
    key: str,
    kind: str,
    days: int | None,
    memo: str,
    operator: str,
) -> None:
    """Give AMOUNT units."""
    with _wallet(given[0], account) as (wallet, owner, unit):
        until = None if days is None else wallet.flow.clock() + days * 86_400_000_000
        _said(wallet.grant(owner, unit, amount, key=key, kind=kind, expires_at=until, memo=memo, by=operator))


@command.command("adjust", context_settings={"ignore_unknown_options": True})
@account_argument
@click.argument("amount", type=int)
@key_option
@click.option("--memo", required=True, help="Why; kept with it.")
@click.option("--debt", is_flag=True, help="Owe what is not there.")
@operator_option
@click.pass_obj
def adjust(
    given: tuple[str, str], account: str, amount: int, *, key: str, memo: str, debt: bool, operator: str
) -> None:
    """Correct an account by AMOUNT units, up or down (-5), by a new entry."""
    with _wallet(given[0], account) as (wallet, owner, unit):
        _said(wallet.adjust(owner, unit, amount, key=key, by=operator, memo=memo, debt=debt))


@command.command("change")
@account_argument
@click.option("--tier", help="The tier: which refill policy the owner is under.")
@click.option("--credit-limit", type=click.IntRange(0), help="How far a spend may go into debt if it asks to.")
@click.option("--caps", help='Caps of this owner, as JSON: {"per_day": 500}; null for those of the unit.')
@click.option("--reason", required=True, help="Why; kept with the change.")
@operator_option
@click.pass_obj
def change(
    given: tuple[str, str], account: str, *, tier: str | None, credit_limit: int | None, caps: str | None, reason: str,
    operator: str,
) -> None:  # fmt: skip
    """Change the tier, credit limit or caps of an account."""
    from ..errors import InvalidRequest

    with _wallet(given[0], account) as (wallet, owner, unit):
        fields: dict[str, Any] = {"tier": tier, "credit_limit": credit_limit}
        fields = {name: value for name, value in fields.items() if value is not None}
        if caps is not None:
            try:
                fields["caps"] = json.loads(caps)
            except ValueError:
                raise InvalidRequest("--caps is a JSON object or null", code="INVALID_REFERENCE") from None
        kept = wallet.change(owner, unit, by=operator, reason=reason, **fields)
        click.echo(f"{kept.id}: {kept.tier}, {kept.credit_limit}, {kept.caps or '{}'}")


@contextmanager
def _wallet(path: str, account: str) -> Iterator[tuple[Wallet, str, str]]:
    """The wallet of a config with the owner and unit of an account; its connections are given back at the end."""
    from ..assembly import open_wallet
    from ..ledger import owner_and_unit

    with opened(path) as flow:
        yield (open_wallet(flow), *owner_and_unit(account))


def _said(moved: Movement) -> None:
    again = " (as before)" if moved.replayed else ""
    click.echo(f"{moved.account}: {moved.amount:+d} → {moved.balance}{again}  {moved.journal_id}")
