"""Tables as Markdown, Mermaid and SVG: complete, legible, and harmless inside a page."""

from __future__ import annotations

import re
from itertools import combinations, product

import pytest
from hypothesis import given, settings

from payflow.drawing import markdown, mermaid, svg
from payflow.drawing.words import WORDS, meaning
from payflow.machine import Table, tables_from_json
from payflow.tables import PAYMENT, TABLES

from .drawn import Area, boxes, lines, read, texts
from .own_tables import built_in, grown, shipping, stricter

OWN = {"shipping": tables_from_json(shipping(), PAYMENT), "stricter": tables_from_json(stricter(), PAYMENT)}
EVERY = {**TABLES, **OWN}
every_table = pytest.mark.parametrize("table", EVERY.values(), ids=list(EVERY))
in_both = pytest.mark.parametrize("lang", ["en", "zh"])


# -- SVG -----------------------------------------------------------------------------------------------------------


def drawn_cells(text: str) -> set[tuple[str, str, str]]:
    found = {
        (node.get("data-from", ""), node.get("data-event", ""), node.get("data-to", "")) for node in read(text).iter()
    }
    return found - {("", "", "")}


@every_table
def test_an_svg_shows_every_state_and_every_cell_once(table):
    text = svg(table)
    assert sorted(box.what for box in boxes(read(text))) == sorted(table.states)
    assert drawn_cells(text) == {(cell.source, cell.event, cell.target) for cell in table.moves.values()}
    said = [area.what for area in texts(read(text))]
    for event in table.events:
        assert said.count(event) == sum(1 for cell in table.moves.values() if cell.event == event)


def overlaps(table: Table, lang: str = "en") -> list[object]:
    """Everything in a drawing that is in the way of something else."""
    root = read(svg(table, lang=lang))
    named, placed = texts(root), boxes(root)
    wrong: list[object] = [pair for pair in combinations(named, 2) if pair[0].meets(pair[1])]
    wrong += [pair for pair in combinations(placed, 2) if pair[0].meets(pair[1])]
    inside = {part for box in placed for part in (box.what, *re.split("(?<=_)", box.what))}
    wrong += [(text, box) for text, box in product(named, placed) if text.meets(box) and text.what not in inside]
    for what, points in lines(root):
        wrong += [(what, text) for text in named if any(text.holds(point) for point in points)]
        wrong += [(what, box) for box in placed if any(_well_inside(box).holds(point) for point in points)]
    return wrong


def _well_inside(box: Area) -> Area:
    return Area(box.what, box.left + 1, box.top + 1, box.right - 1, box.bottom - 1)


@in_both
@every_table
def test_nothing_is_in_the_way_of_anything(table, lang):
    assert overlaps(table, lang) == []


@given(grown())
@settings(max_examples=15, deadline=None)
def test_nothing_is_in_the_way_in_whatever_a_host_declares(document):
    assert overlaps(tables_from_json(document, PAYMENT)) == []


@every_table
def test_everything_is_on_the_page(table):
    root = read(svg(table))
    _, _, width, height = map(float, root.get("viewBox", "").split())
    x, y = map(float, re.findall(r"[\d.]+", next(root.iter("{http://www.w3.org/2000/svg}g")).get("transform", "")))
    for area in texts(root) + boxes(root):
        assert area.left + x >= 0
        assert area.right + x <= width
        assert area.top + y >= 0
        assert area.bottom + y <= height


@every_table
def test_exactly_the_current_state_is_lit(table):
    for state in table.states:
        root = read(svg(table, state))
        lit = [node.get("data-state") for node in root.iter() if node.get("data-current") == "true"]
        assert lit == [state]
    assert "data-current" not in svg(table)


def test_the_moves_out_of_the_current_state_are_lit():
    moves = [node for node in read(svg(PAYMENT, "paid")).iter() if node.get("data-event")]
    strong = [node for node in moves if any(inner.get("stroke-width") == "2.2" for inner in node.iter())]
    assert {node.get("data-event") for node in strong} == {"refund_part", "refund_full"}
    assert 'stroke-width="2.2"' in svg(PAYMENT, "failed")
    assert 'stroke-width="2.2"' not in svg(PAYMENT, "failed", policies={"late_payment": "hold"})
    assert 'stroke-width="2.2"' not in svg(PAYMENT, "refunded")


def test_the_straight_line_is_straight():
    placed = {box.what: box for box in boxes(read(svg(PAYMENT)))}
    way = ["created", "pending", "paid", "partially_refunded", "refunded"]
    assert len({placed[state].top for state in way}) == 1
    lefts = [placed[state].left for state in way]
    assert lefts == sorted(lefts)


@in_both
def test_an_svg_is_accessible(lang):
    root = read(svg(PAYMENT, "paid", lang=lang))
    assert root.get("role") == "img"
    assert root[0].tag.endswith("title")
    assert root[0].text == root.get("aria-label")
    assert "paid" in (root[0].text or "")
    assert root.get("lang") == lang


@every_table
def test_an_svg_is_harmless_inside_a_page(table):
    text = svg(table, table.initial)
    assert not re.search(r"\bid=|<script|href|url\(|javascript|@import|on[a-z]+=", text)
    style = re.findall(r"<style>(.*?)</style>", text)
    assert len(style) == 1
    assert re.findall(r"([^{}]+)\{", style[0])[1:] == ["svg:root"]  # only as a document of its own


def test_the_same_table_is_always_drawn_the_same():
    again = tables_from_json(shipping(), PAYMENT)
    assert svg(again, "shipped") == svg(OWN["shipping"], "shipped")


# -- Mermaid -------------------------------------------------------------------------------------------------------


@every_table
def test_a_mermaid_diagram_shows_every_cell(table):
    shown = set(re.findall(r"^    (\w+) --> (\w+) : (\w+)", mermaid(table), re.MULTILINE))
    assert shown == {(cell.source, cell.target, cell.event) for cell in table.moves.values()}
    assert f"[*] --> {table.initial}" in mermaid(table)
    assert set(re.findall(r"(\w+) --> \[\*\]", mermaid(table))) == table.finals


def test_a_mermaid_diagram_lights_a_state_and_names_the_policy():
    assert "class paid current" in mermaid(PAYMENT, "paid")
    assert "pay_late (late_payment = accept)" in mermaid(PAYMENT)


# -- Markdown ------------------------------------------------------------------------------------------------------


def cells_of(text: str, headers: list[str]) -> set[tuple[str, str, str]]:
    found, inside = set(), False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells[:3] == headers[:3]:
            inside = True
        elif not cells:
            inside = False
        elif inside and cells[0] != "---":
            names = [re.findall(r"`(\w+)`", cell) for cell in cells]
            found |= {(source, names[1][0], names[2][0]) for source in names[0]}
    return found


@in_both
@every_table
def test_markdown_shows_every_cell(table, lang):
    headers = [WORDS[lang][name] for name in ("from", "event", "to")]
    shown = cells_of(markdown(table, lang), headers)
    assert shown == {(cell.source, cell.event, cell.target) for cell in table.moves.values()}


def test_markdown_reads_like_the_design():
    text = markdown(PAYMENT)
    assert "| `paid`, `partially_refunded` | `refund_full` | `refunded` | refund | `payment.refunded` |" in text
    late = "| `cancelled`, `failed` | `pay_late` | `paid` | capture | `payment.paid_late` "
    assert late + "(only where `late_payment` is `accept`) |" in text
    assert "No exit: `refunded`." in text
    assert "`cancelled`, `failed` on `cancel`, `fail`" in text


@every_table
def test_markdown_is_a_table(table):
    rows = [line for line in markdown(table).splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {6, 3}


def test_the_chinese_is_chinese():
    for table in TABLES.values():
        for state in table.states:
            assert not meaning(table, state, "zh").isascii()
    assert set(WORDS["en"]) == set(WORDS["zh"])
    assert "仅当 `late_payment` 为 `accept`" in markdown(PAYMENT, "zh")


def test_a_hosts_words_stay_words():
    document = built_in()
    document["states"]["paid"]["means"] = "<script>alert(1)</script> | `x` [y](javascript:z)"
    table = tables_from_json(document, PAYMENT)
    text = markdown(table)
    assert "<script>" not in text.replace("\\<", "")
    assert "\\<script\\>" in text
    assert "[y](" not in text
    assert {row.replace("\\|", "").count("|") for row in text.splitlines() if row.startswith("|")} == {6, 3}


# -- questions that have no answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [svg, mermaid])
def test_a_state_that_is_none(draw):
    with pytest.raises(ValueError, match="a payment has no state 'lost'"):
        draw(PAYMENT, "lost")


@pytest.mark.parametrize("draw", [lambda: svg(PAYMENT, lang="fr"), lambda: markdown(PAYMENT, "fr")])
def test_a_language_nobody_speaks(draw):
    with pytest.raises(ValueError, match="en, zh"):
        draw()
