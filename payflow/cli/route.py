"""``payflow route``: where would this payment go, and why not elsewhere."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

import click

from ..errors import ConfigError, PayflowError
from ..money import Money
from ..routing import CHANNELS, Explanation, RouteFacts, Router
from .opening import config_at


def _extra(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs; ``true``, ``false`` and whole numbers are what they look like, ``"quoted"`` stays text."""
    found: dict[str, Any] = {}
    for pair in given:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE")
        found[key] = _value(text)
    return found


def _value(text: str) -> Any:
    if len(text) > 4000:
        raise click.BadParameter("is too long")
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (str, bool, int)) else text


@click.command("route")
@click.option("-c", "--config", "path", default="payflow.json", envvar="PAYFLOW_CONFIG", show_default=True,
              help="The config file.")  # fmt: skip
@click.option("--amount", required=True, help="The amount with its exact decimals, e.g. 12.50.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--channel", required=True, type=click.Choice(CHANNELS), help="How the payer meets us.")
@click.option("--extra", "-e", multiple=True, metavar="KEY=VALUE", callback=_extra, help="What the host adds.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
def command(path: str, amount: str, currency: str, channel: str, extra: dict[str, Any], as_json: bool) -> None:
    """Explain which rule takes a payment, and why the others do not. Sends nothing, writes nothing.

    Exit code 0: routed; 1: no route; 2: wrong config or a question that cannot be asked.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as "python -m" does: the host's predicates are found from its folder
    try:
        facts = RouteFacts(Money.parse(amount, currency), channel, extra)
        router = Router(config_at(path).routes)
        explained = router.explain(facts)
    except PayflowError as error:
        if as_json:
            click.echo(json.dumps(error.as_reply(), ensure_ascii=False, indent=2))
        else:
            click.secho(f"✗ {error.message}", fg="red", err=True)
            if isinstance(error, ConfigError):
                click.echo("  payflow check tells more.", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(_as_json(facts, explained), ensure_ascii=False, indent=2))
    else:
        _print(facts, explained)
    sys.exit(0 if explained.choice else 1)


def _print(facts: RouteFacts, explained: Explanation) -> None:
    said = f"{facts.amount} by {facts.channel}"
    if facts.extra:
        pairs = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in facts.extra.items())
        said += f" with {', '.join(pairs)}"
    choice = explained.choice
    if choice:
        click.echo(f"{said} → {click.style(choice.account, fg='green', bold=True)} (route {choice.rule_name})")
    else:
        click.echo(f"{said} → {click.style('NO_ROUTE', fg='red', bold=True)}: no rule matches and there is no fallback")
    click.echo()
    width = max((len(item.rule) for item in explained.considered), default=0)
    for item in explained.considered:
        mark = click.style("✓", fg="green", bold=True) if item.matched else click.style("✗", dim=True)
        text = f"→ {item.account}" if item.matched else item.reason
        click.echo(f"  {mark} {item.rule:<{width}}  {text}")


def _as_json(facts: RouteFacts, explained: Explanation) -> dict[str, Any]:
    choice = explained.choice
    return {
        "amount": str(facts.amount).partition(" ")[0],
        "currency": facts.amount.currency,
        "channel": facts.channel,
        "extra": dict(facts.extra),
        "account": choice.account if choice else None,
        "rule": choice.rule_name if choice else None,
        "error_code": None if choice else "NO_ROUTE",
        "considered": [asdict(item) for item in explained.considered],
    }
