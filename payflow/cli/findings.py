"""How findings reach a terminal: a mark, a code and a sentence each, in English or Chinese; or JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ..language import of_terminal

if TYPE_CHECKING:
    from ..diagnosis.findings import Finding

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}

lang_option = click.option(
    "--lang",
    type=click.Choice(("en", "zh")),
    help="The language of the sentences. Default: that of the terminal (LC_ALL, LC_MESSAGES, LANG).",
)


def spoken_here() -> str:
    """``zh`` where the terminal speaks Chinese, else ``en``."""
    return of_terminal(os.environ)


def print_findings(findings: Iterable[Finding], lang: str | None, *, as_json: bool) -> bool:
    """Print each as it comes, then how many there were; whether none of them is an error."""
    spoken, account = lang or spoken_here(), ""
    counts = {"ok": 0, "warning": 0, "error": 0}
    for finding in findings:
        counts[finding.severity] += 1
        if as_json:
            click.echo(json.dumps(finding.as_json(), ensure_ascii=False))
            continue
        if finding.account != account:
            account = finding.account
            click.secho(f"\n{account}" if account else "", bold=True)
        mark, colour = _MARKS[finding.severity]
        click.echo(f"  {click.style(mark, fg=colour, bold=True)} {click.style(finding.code, fg=colour)}  ", nl=False)
        click.echo(finding.text(spoken))
    if not as_json:
        click.echo()
        said = "{error} 个错误，{warning} 个警告" if spoken == "zh" else "errors: {error}, warnings: {warning}"
        click.echo(said.format(**counts))
    return not counts["error"]
