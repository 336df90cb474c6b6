"""``payflow table``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from payflow.cli import main
from payflow.drawing import markdown, mermaid, readme_block, svg
from payflow.machine import tables_from_json
from payflow.tables import PAYMENT, REFUND, TABLES

from .own_tables import shipping


def run(*arguments: str, **more):
    return CliRunner().invoke(main, ["table", *arguments], catch_exceptions=False, **more)


def test_all_tables_as_markdown():
    done = run()
    assert done.exit_code == 0
    assert done.output == "\n".join(markdown(table) for table in TABLES.values())


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["payment"], markdown(PAYMENT)),
        (["refund", "--lang", "zh"], markdown(REFUND, "zh")),
        (["payment", "--format", "mermaid", "--state", "paid"], mermaid(PAYMENT, "paid")),
        (["payment", "--format", "svg"], svg(PAYMENT)),
        (["payment", "--format", "svg", "--state", "paid", "--lang", "zh"], svg(PAYMENT, "paid", lang="zh")),
        (["--readme"], readme_block(TABLES)),
        (["--readme", "--lang", "zh"], readme_block(TABLES, "zh")),
    ],
)
def test_one_table(arguments, wanted):
    done = run(*arguments)
    assert (done.exit_code, done.output) == (0, wanted)


@pytest.mark.parametrize("name", TABLES)
def test_json_is_what_a_host_begins_with(name):
    document = json.loads(run(name, "--format", "json").output)
    assert dict(tables_from_json(document, TABLES[name]).moves) == dict(TABLES[name].moves)


@pytest.mark.parametrize(
    "arguments",
    [["orders"], ["--format", "svg"], ["--format", "json"], ["payment", "--state", "paid"],
     ["all", "--format", "mermaid", "--state", "paid"], ["payment", "--format", "svg", "--state", "lost"],
     ["--lang", "fr"], ["payment", "--format", "png"]],
    ids=" ".join,
)  # fmt: skip
def test_a_question_without_an_answer(arguments):
    assert run(*arguments).exit_code == 2


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAYFLOW_SECRET", "canary-" + "s" * 40)
    monkeypatch.setenv("PAYFLOW_MOCK_SECRET", "canary-" + "m" * 40)
    document = {
        "version": 1,
        "secret": {"env": "PAYFLOW_SECRET"},
        "payment_gateway": "mock",
        "gateways": {"mock": {"gateway": "mock", "secret": {"env": "PAYFLOW_MOCK_SECRET"}}},
        "tables": {"payment": shipping()},
    }

    def write(**changes):
        (tmp_path / "payflow.json").write_text(json.dumps({**document, **changes}), encoding="utf-8")

    write()
    return write


def test_the_tables_of_a_config(shop):
    done = run("payment", "--config", "payflow.json", "--format", "mermaid", "--state", "shipped")
    assert done.exit_code == 0
    assert "preparing --> shipped : ship" in done.output


def test_a_config_with_a_wrong_table_is_refused_with_its_path(shop):
    wrong = shipping()
    wrong["states"]["paid"]["on"]["pay"] = "paid"
    shop(tables={"payment": wrong})
    done = run("payment", "--config", "payflow.json")
    assert done.exit_code == 2
    assert "$.tables.payment.states.paid.on.pay" in done.stderr
    assert "canary" not in done.output + done.stderr
