"""What the pages say is true of the code beside them: both languages, their configs, commands and Python."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import payflow
from payflow.cli import main
from payflow.config import load
from payflow.config.advice import advise
from payflow.config.shape import schema
from payflow.sandbox.material import Material

from .guides import DOCS, ROOT, Block, blocks, commands, headings, name_of, pages, read, twin, uncommented, words_of

#: What issue 5 asks for, page by page.
WANTED = (
    "index", "django", "alipay-live", "wechat-live", "wechat-public-key", "gateways", "asgi", "credits", "wallet",
    "refills", "statements", "second-ledger", "operating", "reconciliation", "scaling", "limits", "comparison",
    "reference/config", "reference/tables", "reference/errors", "reference/messages", "reference/commands",
    "reference/python", "reference/logs",
)  # fmt: skip

PAGES = pages()
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]


def _ids(page: Path) -> str:
    return name_of(page)


@pytest.mark.parametrize("name", WANTED)
def test_the_page_is_there_in_both_languages(name: str) -> None:
    assert (DOCS / f"{name}.md").exists()
    assert (DOCS / f"{name}.zh.md").exists()


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_both_languages_have_the_same_headings_and_the_same_code(page: Path) -> None:
    other = twin(page)
    assert headings(page) == headings(other)
    ours, theirs = blocks(page), blocks(other)
    assert [block.kind for block in ours] == [block.kind for block in theirs]
    for mine, yours in zip(ours, theirs, strict=True):
        if mine.kind not in ("text", "{toctree}"):  # what a command printed to a reader of that language
            assert uncommented(mine) == uncommented(yours)


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_a_page_begins_with_its_name_and_the_way_to_its_other_language(page: Path) -> None:
    for one, said, target in ((page, "中文", twin(page).name), (twin(page), "English", page.name)):
        lines = read(one).splitlines()
        assert lines[0].startswith("# ")
        assert lines[2].startswith(f"[{said}]({target}) · ")


# -- configs -------------------------------------------------------------------------------------------------------

_JSON = [block for page in (*PAGES, ROOT / "README.md") for block in blocks(page, "json")]
_BASE = {
    "secret": {"env": "PAYFLOW_SECRET"}, "payment_gateway": "mock",
    "gateways": {"mock": {"gateway": "mock", "secret": {"env": "PAYFLOW_MOCK_SECRET"}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A private key, a public key and a certificate, as the files of a config have them."""
    files = Material(tmp_path_factory.mktemp("material")).files()
    kinds = {b"PRIVATE KEY": "private", b"PUBLIC KEY": "public", b"CERTIFICATE": "certificate"}
    return {kind: text for text in files.values() for mark, kind in kinds.items() if b"BEGIN " + mark in text}


@pytest.mark.parametrize("block", _JSON, ids=str)
def test_a_config_is_accepted(block: Block, tmp_path: Path, material: dict[str, bytes]) -> None:
    config = whole(block.text)
    environ = {}
    for setting, reference in references(config):
        if "env" in reference:
            url = "URL" in reference["env"]
            environ[reference["env"]] = "postgresql+psycopg://shop@127.0.0.1/shop" if url else _secret(reference["env"])
            if "REDIS" in reference["env"]:
                environ[reference["env"]] = "redis://127.0.0.1:6379/0"
        else:
            place = tmp_path / reference["file"]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(material[_kind(setting)])
    (tmp_path / "payflow.json").write_text(json.dumps(config), encoding="utf-8")
    opened = load(tmp_path / "payflow.json", environ)
    if opened.environment == "production":
        assert advise(opened) == (), "payflow check --strict would not pass"


def whole(text: str) -> dict:
    """A config around a piece of one: an account, a section, a refill policy, or all of it."""
    stripped = text.strip()
    piece = json.loads(stripped if stripped.startswith("{") else f"{{{stripped}}}")
    if {"gateways", "secret"} <= set(piece):
        return piece
    if all(isinstance(value, dict) and "gateway" in value for value in piece.values()):
        piece = {"gateways": piece}
    if {"mode", "every"} <= set(piece):
        piece = {"wallet": {"units": {piece["unit"]: {}}, "refills": [piece]}}
    assert set(piece) <= set(schema()["properties"]), "this is no piece of a config"
    return {**_BASE, **piece, "gateways": {**_BASE["gateways"], **piece.get("gateways", {})}}


def references(node: object, setting: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Every reference to a secret, with the setting it is for."""
    if isinstance(node, dict):
        if set(node) in ({"env"}, {"file"}):
            yield setting, node
            return
        for name, value in node.items():
            yield from references(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from references(value, setting)


def _kind(setting: str) -> str:
    return "private" if "private" in setting else "certificate" if "certificate" in setting else "public"


def _secret(name: str) -> str:
    """32 bytes that look random, other ones for each name."""
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()[:32]


# -- commands ------------------------------------------------------------------------------------------------------


def payflow_words(command: str) -> list[str] | None:
    """What a command hands to payflow, whichever way it is called; ``None`` for other commands."""
    words = words_of(command)
    if words[:1] == ["payflow"]:
        return words[1:]
    if words[:1] == ["flask"]:
        rest = words[3:] if words[1:2] in (["--app"], ["-A"]) else words[1:]
        return rest[1:] if rest[:1] == ["payflow"] else None
    at = next((place for place, word in enumerate(words) if word.endswith("manage.py")), None)
    if at is None or (at and words[0] not in ("python", "python3")):
        return None
    called = words[at + 1 : at + 2]
    if called == ["payflow"]:
        return words[at + 2 :]
    if called and called[0].startswith("payflow_"):
        short = ROOT / "payflow" / "django" / "management" / "commands" / f"{called[0]}.py"
        assert short.exists(), f"there is no manage.py {called[0]}"
        return [called[0].removeprefix("payflow_"), *words[at + 2 :]]
    return None


def parsed(words: list[str]) -> None:
    """Raises ``click.UsageError`` for a command, an option or a choice there is not."""
    command: click.Command = main
    while isinstance(command, click.Group):
        context = click.Context(command)
        _, rest, _ = command.make_parser(context).parse_args(list(words))
        if not rest:
            return
        _, found, words = command.resolve_command(context, rest)
        assert found is not None
        command = found
    context = click.Context(command, **command.context_settings)
    given, rest, _ = command.make_parser(context).parse_args(list(words))
    if rest:
        raise click.UsageError(f"too many arguments: {rest}")
    for parameter in command.params:
        value = given.get(parameter.name or "")
        if isinstance(parameter.type, click.Choice) and isinstance(value, str) and not value.isupper():
            parameter.type.convert(value, parameter, context)


_TEXTS = [*PAGES, *(twin(page) for page in PAGES), *READMES, *sorted(ROOT.glob("examples/*/README*.md"))]


@pytest.mark.parametrize("page", _TEXTS, ids=_ids)
def test_a_command_that_is_named_exists_with_these_options(page: Path) -> None:
    for command in commands(page):
        words = payflow_words(command)
        if words is None or words[:1] in (["…"], ["--help"], ["…`"]):
            continue
        try:
            parsed([word for word in words if word != "…"])
        except click.UsageError as error:
            pytest.fail(f"{command}: {error.format_message()}")


def test_a_command_that_does_not_exist_is_found() -> None:
    for wrong in ("payflow tarce X", "payflow worker --twice", "payflow incidents resolve I-1 forget",
                  "manage.py payflow worker --loop", "flask --app shop payflow nothing"):  # fmt: skip
        words = payflow_words(wrong)
        assert words is not None
        with pytest.raises(click.UsageError):
            parsed(words)


# -- Python --------------------------------------------------------------------------------------------------------

_PYTHON = [block for page in (*PAGES, ROOT / "README.md") for block in blocks(page, "python")]
#: What a variable of these names is in every guide.
_ALWAYS = {"flow": payflow.Flow, "wallet": payflow.Wallet}


@pytest.mark.parametrize("block", _PYTHON, ids=str)
def test_python_compiles_and_names_what_there_is(block: Block) -> None:
    tree = compile(
        block.text, block.page, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "payflow":
            for one in node.names:
                assert offers(node.module or "", one.name), f"{node.module} has no {one.name}"
        if isinstance(node, ast.Import):
            for one in node.names:
                assert not one.name.startswith("payflow") or module_file(one.name), one.name
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "payflow":
            assert hasattr(payflow, node.attr) or module_file(f"payflow.{node.attr}"), f"payflow.{node.attr}"
        if isinstance(node, ast.Call):
            _check_call(node)


def _check_call(node: ast.Call) -> None:
    """A verb of a flow or a wallet is there, and takes these arguments."""
    if not (isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)):
        return
    kind = _ALWAYS.get(node.func.value.id)
    if kind is None:
        return
    verb = getattr(kind, node.func.attr, None)
    assert verb is not None, f"{kind.__name__} has no {node.func.attr}"
    if not any(isinstance(one, ast.Starred) or getattr(one, "arg", "") is None for one in (*node.args, *node.keywords)):
        inspect.signature(verb).bind(None, *node.args, **{str(one.arg): one.value for one in node.keywords})


def module_file(module: str) -> Path | None:
    """Where a module lies, without importing it: Django's want settings."""
    place = ROOT.joinpath(*module.split("."))
    return next((one for one in (place / "__init__.py", place.with_suffix(".py")) if one.exists()), None)


def offers(module: str, name: str) -> bool:
    """Whether ``from module import name`` would work."""
    place = module_file(module)
    if place is None:
        return False
    if module == "payflow":
        return hasattr(payflow, name) or module_file(f"payflow.{name}") is not None
    named = re.escape(name)
    made = rf"^(?:class|def|async def) {named}\b|^{named}\b.*=|^\s+(?:\w+ as )?{named},?$|import .*\b{named}\b"
    return bool(re.search(made, read(place), re.MULTILINE)) or module_file(f"{module}.{name}") is not None


def test_a_name_that_does_not_exist_is_found() -> None:
    assert offers("payflow.flask", "joined_payflow")
    assert not offers("payflow.flask", "joined_payflows")
    assert not offers("payflow.nothing", "Flow")
    with pytest.raises(TypeError):
        _check_call(ast.parse("flow.pay(amuont=1)").body[0].value)  # type: ignore[attr-defined]
