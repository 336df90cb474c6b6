"""``payflow refill``: run what is due, and look after the policies."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .acting import acted
from .findings import lang_option, spoken_here
from .opening import as_json, config_option, opened, said_plainly

if TYPE_CHECKING:
    from ..records import Policy
    from ..wallet import Wallet
    from ..wallet.refilling import RunReport

_WORDS = {
    "en": {
        "ran": "{looked} accounts looked at, {granted} refilled with {units} units, {ordered} orders made",
        "failed": "{not_ordered} orders could not be made (see the log); they are tried again",
        "broken": "{failed} accounts could not be looked at (see the log); they are tried again",
        "enrolled": "{enrolled} accounts were told of new or changed policies",
        "due": "due now: {due}; policies: {policies}; still to be told of a change: {telling}",
        "none": "No refill policies. Declare them in the config under wallet.refills, or with: payflow refill set",
        "on": "on", "off": "off",
    },
    "zh": {
        "ran": "查看了 {looked} 个账户，补充了 {granted} 个，共 {units} 单位，生成订单 {ordered} 个",
        "failed": "{not_ordered} 个订单未能生成（见日志），之后会再试",
        "broken": "{failed} 个账户未能处理（见日志），之后会再试",
        "enrolled": "已向 {enrolled} 个账户通知新的或修改过的策略",
        "due": "现在到期：{due}；策略：{policies}；还有策略改动未通知完：{telling}",
        "none": "没有补充策略。请在配置的 wallet.refills 中声明，或使用：payflow refill set",
        "on": "启用", "off": "停用",
    },
}  # fmt: skip

operator_option = click.option("--operator", default=getpass.getuser, help="Who decides; kept with the change.")
reason_option = click.option("--reason", required=True, help="Why; kept with the change.")


@click.group("refill")
@config_option
@lang_option
@click.pass_context
def command(context: click.Context, path: str, lang: str | None) -> None:
    """Refill policies, and the run that grants what is due."""
    context.obj = (path, lang or spoken_here())


@command.command("run")
@click.option("--batch", type=click.IntRange(1, 5000), default=500, show_default=True, help="Accounts per transaction.")
@click.option("--json", "json_wanted", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def run(given: tuple[str, str], batch: int, json_wanted: bool) -> None:
    """Refill every account that is due by now, then exit: for cron or a systemd timer.

    Killed at any moment, it has done whole sets and the next run goes on. Any number may run at the same time. Exit
    code 0: done; 1: some accounts failed, or orders of refills that cost money could not be made.
    """
    path, lang = given
    with _wallet(path) as wallet:
        due = wallet.store.due_count(wallet.flow.clock())
        with click.progressbar(length=max(due, 1), label="refill", file=sys.stderr, hidden=json_wanted) as bar:
            seen = 0

            def progress(report: RunReport) -> None:
                nonlocal seen
                done = report.looked
                bar.length = max(bar.length or 1, done, report.enrolled)
                bar.update(done - seen)
                seen = done

            report = wallet.refills.run(batch=batch, progress=progress)
            bar.update((bar.length or 1) - seen)
    if json_wanted:
        click.echo(as_json(asdict(report)))
    else:
        words = _WORDS[lang]
        told = {"enrolled": report.enrolled, "ran": True, "failed": report.not_ordered, "broken": report.failed}
        for name, shown in told.items():
            if shown:
                click.echo(words[name].format(**asdict(report)))
    sys.exit(1 if report.not_ordered or report.failed else 0)


@command.command("status")
@click.pass_obj
def status(given: tuple[str, str]) -> None:
    """Say what is due, and which policies are in force."""
    path, lang = given
    with _wallet(path) as wallet:
        due = wallet.store.due_count(wallet.flow.clock())
        policies = wallet.policies.all()
        telling = sum(kept.enrol_after is not None for kept in policies)
        click.echo(_WORDS[lang]["due"].format(due=due, policies=len(policies), telling=telling))
        _print_policies(policies, lang)


@command.command("policies")
@click.option("--json", "json_wanted", is_flag=True, help="Print them as JSON.")
@click.pass_obj
def policies(given: tuple[str, str], json_wanted: bool) -> None:
    """List the policies."""
    path, lang = given
    with _wallet(path) as wallet:
        found = wallet.policies.all()
    if json_wanted:
        click.echo(as_json([{**asdict(kept), "body": json.loads(kept.body)} for kept in found]))
    else:
        _print_policies(found, lang)


@command.command("show")
@click.argument("name")
@click.pass_obj
def show(given: tuple[str, str], name: str) -> None:
    """Print the policy NAME, as JSON that can be edited and given to "set"."""
    with _wallet(given[0]) as wallet:
        click.echo(as_json(json.loads(wallet.policies.one(name).body)))


@command.command("set")
@click.argument("name")
@click.option("--body", required=True, help='The fields that change, or all of a new policy, as JSON: {"amount": 3000}')
@operator_option
@reason_option
@click.pass_obj
def set_policy(given: tuple[str, str], name: str, body: str, operator: str, reason: str) -> None:
    """Change the policy NAME, or make it. Counts from the next decision on."""
    parsed = _parsed(body)
    with opened(given[0]) as flow:
        done = acted(flow, operator, "policy", name, {"body": json.dumps(parsed), "reason": reason})
        click.echo(f"{name}: version {json.loads(done.result)['version']}")


@command.command("enable")
@click.argument("name")
@operator_option
@reason_option
@click.pass_obj
def enable(given: tuple[str, str], name: str, operator: str, reason: str) -> None:
    """Switch the policy NAME on."""
    _switch(given, name, operator, reason, True)


@command.command("disable")
@click.argument("name")
@operator_option
@reason_option
@click.pass_obj
def disable(given: tuple[str, str], name: str, operator: str, reason: str) -> None:
    """Switch the policy NAME off. What was granted stays."""
    _switch(given, name, operator, reason, False)


@command.command("history")
@click.argument("name")
@click.pass_obj
def history(given: tuple[str, str], name: str) -> None:
    """Every version of the policy NAME, newest first: who changed it, when and why."""
    from ..clock import iso

    path, lang = given
    with _wallet(path) as wallet:
        wallet.policies.one(name)
        for kept in wallet.policies.history(name):
            state = _WORDS[lang]["on" if kept.enabled else "off"]
            at = (iso(kept.changed_at) or "")[:19]
            click.echo(f"{kept.version:>4}  {at}  {state:<4}  {kept.changed_by}: {kept.reason}  {kept.body}")


@contextmanager
def _wallet(path: str) -> Iterator[Wallet]:
    """The wallet of a config, its connections given back at the end."""
    from ..assembly import open_wallet

    with opened(path) as flow:
        yield open_wallet(flow)


def _switch(given: tuple[str, str], name: str, operator: str, reason: str, on: bool) -> None:
    from ..assembly import open_wallet

    with opened(given[0]) as flow:
        open_wallet(flow).policies.one(name)
        done = acted(flow, operator, "policy", name, {"enabled": "on" if on else "off", "reason": reason})
        told = json.loads(done.result)
        click.echo(f"{name}: {_WORDS[given[1]]['on' if told['enabled'] else 'off']}, version {told['version']}")


def _parsed(text: str) -> dict[str, Any]:
    from ..errors import InvalidRequest

    with said_plainly():
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise InvalidRequest("--body is a JSON object", code="REFILL_POLICY_INVALID", path="$")
    return body


def _print_policies(found: list[Policy], lang: str) -> None:
    if not found:
        click.echo(_WORDS[lang]["none"])
    for kept in found:
        body = json.loads(kept.body)
        every = " ".join(f"{number} {unit}" for unit, number in body["every"].items())
        click.echo(
            f"{kept.name:<24} {_WORDS[lang]['on' if kept.enabled else 'off']:<4} v{kept.version:<4} "
            f"{body['mode']} {body['amount']} {kept.unit} / {every}  {body.get('trigger', 'both')}"
        )
