"""The report of one day, written as it is read: for the terminal, as one HTML file, as CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

from ..gateways.bills.exporting import safe_cell
from ..money import text_from_minor
from ..records import Difference
from .reconcile_words import COLUMNS, KINDS, RUNS, STATES, SUGGESTIONS, TEXT, said

if TYPE_CHECKING:
    from ..reconciling import Standing

_AT_MOST = 20  # of each kind, in a terminal
_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans SC",sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1c2430}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dfe4ea;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}code{font-size:.85em;word-break:break-all}
.open{color:#b3261e;font-weight:600}.waiting{color:#8a5a00}
"""


def as_text(standing: Standing, differences: Iterable[Difference], lang: str) -> Iterator[str]:
    """Lines for a terminal: how the day stands, then every kind with its first differences."""
    yield from _head(standing, lang)
    shown: dict[tuple[bool, str], list[Difference]] = {}
    for one in differences:
        listed = shown.setdefault((one.state != "open", one.kind), [])
        if len(listed) < _AT_MOST:
            listed.append(one)
    for (over, kind), listed in sorted(shown.items()):
        count = sum(one[3] for one in standing.sums if one[1] == kind and (one[2] != "open") == over)
        yield ""
        yield f"{said(KINDS, kind, lang)} ({count:,})"
        yield from (_text_line(one, lang) for one in listed)
        if count > len(listed):
            yield "  " + said(TEXT, "more", lang).format(count=f"{count - len(listed):,}")
        yield from sorted({"  → " + said(SUGGESTIONS, one.step, lang) for one in listed if one.step})


def _text_line(one: Difference, lang: str) -> str:
    numbers = " ".join(filter(None, (one.out_trade_no, one.gateway_txn, one.out_refund_no, one.other_day)))
    amounts = f"{_money(one.theirs, one)} | {_money(one.ours, one)} {one.currency}"
    return f"  {said(STATES, one.state, lang)}  {amounts}  {numbers}"


def as_html(standing: Standing, differences: Iterable[Difference], lang: str) -> Iterator[str]:
    """One HTML file that needs nothing else. Every text from outside is escaped."""
    title = f"{said(TEXT, 'title', lang)} {standing.run.account} {standing.run.day}"
    yield f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
    yield f"<h1>{escape(title)}</h1>"
    yield from (f"<p>{escape(line)}</p>" for line in islice(_head(standing, lang), 1, None))
    names = [name for name in COLUMNS if name not in ("item", "payment_id", "refund_id", "incident_id")]
    yield "<table><thead><tr>" + "".join(f"<th>{escape(said(COLUMNS, name, lang))}</th>" for name in names)
    yield "</tr></thead><tbody>"
    for one in differences:
        cells = {**_cells(one, lang), "theirs": _money(one.theirs, one), "ours": _money(one.ours, one)}
        yield f'<tr id="{escape(one.item)}">' + "".join(_cell(name, cells[name], one.state) for name in names) + "</tr>"
    yield "</tbody></table></body></html>"


def as_csv(
    standing: Standing,  # noqa: ARG001 -- all three are called alike
    differences: Iterable[Difference],
    lang: str,
) -> Iterator[str]:
    """CSV, all differences. No cell is a formula, whatever somebody has called their order."""
    yield _line([said(COLUMNS, name, lang) for name in COLUMNS])
    for one in differences:
        cells = {name: safe_cell(text) for name, text in _cells(one, lang).items()}
        # Our own figures: a minus before digits is a number, not a formula.
        yield _line([{**cells, "theirs": _money(one.theirs, one), "ours": _money(one.ours, one)}[n] for n in COLUMNS])


def _head(standing: Standing, lang: str) -> Iterator[str]:
    run = standing.run
    yield f"{said(TEXT, 'title', lang)} {run.account} {run.day}: {said(RUNS, run.state, lang)}"
    if run.state in ("waiting", "refused"):
        yield said(TEXT, "not_yet", lang).format(code=run.code)
        return
    words = {name: said(TEXT, name, lang) for name in TEXT}
    yield (
        f"{words['bill']}: {run.bill_rows:,} {words['rows']}, {run.payments:,} {words['payments']} "
        f"{text_from_minor(run.payment_amount)}, {run.refunds:,} {words['refunds']} "
        f"{text_from_minor(run.refund_amount)}, {words['net']} {text_from_minor(run.moved)}, "
        f"{words['fees']} {text_from_minor(run.fee)}"
    )
    yield f"{words['books']}: {run.book_items:,}, {words['net']} {text_from_minor(run.booked)}"
    yield (
        f"{words['matched']}: {run.matched:,}; {words['differences']}: {standing.differences:,}, "
        f"{words['open']}: {standing.open:,}" + (f"  [{run.code}]" if run.code else "")
    )
    if not standing.differences and run.state == "done":
        yield words["nothing"]


def _cells(one: Difference, lang: str) -> dict[str, str]:
    texts = {name: str(getattr(one, name) or "") for name in COLUMNS}
    return texts | {
        "kind": said(KINDS, one.kind, lang), "state": said(STATES, one.state, lang),
        "step": said(SUGGESTIONS, one.step, lang),
    }  # fmt: skip


def _cell(name: str, text: str, state: str) -> str:
    if name in ("theirs", "ours"):
        return f'<td class="n">{escape(text)}</td>'
    if name == "state":
        return f'<td class="{escape(state)}">{escape(text)}</td>'
    return f"<td><code>{escape(text)}</code></td>" if name.endswith(("_no", "_txn")) else f"<td>{escape(text)}</td>"


def _money(minor: int, one: Difference) -> str:
    return text_from_minor(minor, one.currency)


def _line(cells: list[str]) -> str:
    held = io.StringIO(newline="")
    csv.writer(held, lineterminator="").writerow(cells)
    return held.getvalue()
