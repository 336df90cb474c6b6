"""What may have been done to a form on its way: every change that happens in practice, undone. Pure."""

from __future__ import annotations

import html
import json
import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .explain_words import EXPLAINED
from .findings import Fact, Finding, said

Fields = dict[bytes, bytes]

_TIME = re.compile(rb"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,9})?")
_SEPARATOR = re.compile(rb"&(?=[A-Za-z_][0-9A-Za-z_]{0,63}=)")
_MAX_SPACES = 8
_MAX_FIELDS = 200

#: Fields that have one value in every notification about a trade.
CONSTANT = {b"notify_type": b"trade_status_sync", b"version": b"1.0", b"charset": b"utf-8"}
#: Fields that come empty now and then.
OFTEN_EMPTY = (
    b"body", b"passback_params", b"out_biz_no", b"refund_fee", b"gmt_close", b"gmt_refund", b"send_back_fee",
    b"seller_email", b"buyer_logon_id", b"buyer_open_id", b"point_amount", b"receipt_amount", b"voucher_detail_list",
    b"fund_bill_list", b"extra_common_param", b"subject",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done to it: the code of its sentence, and the facts in it."""

    code: str
    facts: tuple[tuple[str, Fact], ...] = ()


def change(code: str, /, **facts: Fact) -> Change:
    """A change by its code."""
    return Change(code, tuple(facts.items()))


def findings_of(changes: Iterable[Change], account: str) -> Iterator[Finding]:
    """The sentences of some changes: one for each kind, naming every field it happened to."""
    merged: dict[str, dict[str, Fact]] = {}
    for one in changes:
        facts = merged.setdefault(one.code, {})
        for name, fact in one.facts:
            both = facts.get(name)
            facts[name] = (
                f"{both}, {fact}" if isinstance(both, str) and isinstance(fact, str) and both != fact else fact
            )
    for code, facts in merged.items():
        yield said(EXPLAINED, code, account, **facts)


# -- the whole form ------------------------------------------------------------------------------------------------


def readings(body: bytes) -> Iterator[tuple[tuple[Change, ...], Fields]]:
    """The form in ``body``, read as it should be and in the ways somebody may have spoilt it; the right one first."""
    yield (), _read(body, _decoded)
    yield (change("ALREADY_DECODED"),), _read(body, bytes, _SEPARATOR)
    yield (change("PLUS_NOT_ESCAPED"),), _read(body, unquote_to_bytes)
    if b"&amp;" in body:
        unescaped = body.replace(b"&amp;", b"&")
        yield (change("HTML_ESCAPED", what="&amp;"),), _read(unescaped, _decoded)
        yield (
            (change("HTML_ESCAPED", what="&amp;"), change("ALREADY_DECODED")),
            _read(unescaped, bytes, _SEPARATOR),
        )
    if b"%25" in body:
        twice = (change("DOUBLE_ENCODED", fields=("the form", "表单")),)
        yield twice, _read(body, lambda value: _decoded(_decoded(value)))
        yield twice, _read(body, lambda value: unquote_to_bytes(_decoded(value)))
    if b"=" not in body.split(b"&")[0] and b"%3D" in body.upper():
        yield (change("DOUBLE_ENCODED", fields=("the form", "表单")),), _read(unquote_to_bytes(body), _decoded)
    said = _object(body)
    if said is not None:
        yield (change("FORM_TO_JSON"),), said


def _decoded(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" "))


def _read(body: bytes, decode: object, separator: re.Pattern[bytes] | None = None) -> Fields:
    """Fields as kind frameworks read them: of two equal names the last, nothing refused."""
    pieces = body.split(b"&") if separator is None else separator.split(body)
    fields: Fields = {}
    for piece in pieces[:_MAX_FIELDS]:
        name, _, value = piece.partition(b"=")
        if name:
            fields[name] = decode(value)  # type: ignore[operator]  # a function from bytes to bytes
    return fields


def _object(body: bytes) -> Fields | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not all(isinstance(value, (str, list, dict)) for value in said.values()):
        return None
    fields: Fields = {}
    for name, value in said.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        fields[name.encode("utf-8", "surrogatepass")] = text.encode("utf-8", "surrogatepass")
    return fields


# -- all values at once --------------------------------------------------------------------------------------------


def undone(fields: Fields) -> Iterator[tuple[tuple[Change, ...], Fields]]:
    """The same fields with one change to all of them undone; first, none."""
    yield (), fields
    yield from _unescaped(fields)
    yield from _recoded(fields)
    missing = {name: value for name, value in CONSTANT.items() if name not in fields}
    if missing:
        yield (change("FIELDS_DROPPED", fields=_names(missing)),), {**fields, **missing}
    empty = [name for name, value in fields.items() if not value]
    if empty:
        yield (change("EMPTY_ADDED", fields=_names(empty)),), {name: fields[name] for name in fields if fields[name]}
    written = {name: _compact(value) for name, value in fields.items() if value[:1] in (b"[", b"{")}
    different = {name: value for name, value in written.items() if value != fields[name]}
    if different:
        yield (change("VALUE_RESERIALISED", fields=_names(different)),), {**fields, **different}


def _unescaped(fields: Fields) -> Iterator[tuple[tuple[Change, ...], Fields]]:
    escaped = {name: _html(value) for name, value in fields.items() if _html(value) != value}
    if escaped:
        yield (change("HTML_ESCAPED", what=_names(escaped)),), {**fields, **escaped}
    slashed = {name: re.sub(rb"\\(['\"\\])", rb"\1", value) for name, value in fields.items() if b"\\" in value}
    if slashed:
        yield (change("SLASHES_ADDED", fields=_names(slashed)),), {**fields, **slashed}


def _recoded(fields: Fields) -> Iterator[tuple[tuple[Change, ...], Fields]]:
    """The charset changed back. The field that names it may have been changed with it, or not."""
    if all(value.isascii() for value in fields.values()):
        return
    for source, target, spellings in (
        ("utf-8", "gb18030", (b"gbk", b"GBK", b"gb2312")), ("gb18030", "utf-8", (b"utf-8", b"UTF-8")),
        ("utf-8", "latin-1", ()),
    ):  # fmt: skip
        try:
            values = {name: value.decode(source).encode(target) for name, value in fields.items()}
        except UnicodeError:
            continue
        shown = {"gb18030": "GBK", "utf-8": "UTF-8", "latin-1": "ISO-8859-1"}
        # Taken for Latin-1 and written as UTF-8: what it goes back to is the first of the two steps.
        facts = change("CHARSET_CHANGED", source=shown[source], target=shown[target])
        if values == fields:
            continue
        yield (facts,), values
        for spelling in spellings:
            if values.get(b"charset") not in (None, spelling):
                yield (facts,), {**values, b"charset": spelling}


def _html(value: bytes) -> bytes:
    if b"&" not in value:
        return value
    return html.unescape(value.decode("latin-1")).encode("latin-1", "xmlcharrefreplace")


def _compact(value: bytes) -> bytes:
    try:
        return json.dumps(json.loads(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (ValueError, RecursionError):
        return value


# -- one value at a time -------------------------------------------------------------------------------------------


def repaired(fields: Fields) -> Iterator[tuple[tuple[Change, ...], Fields]]:
    """The same fields with one change to one or a few of them undone; first, none."""
    yield (), fields
    yield from pluses(fields)
    for name in fields:
        if name not in (b"sign", b"sign_type"):
            yield (change("FIELD_ADDED", fields=_names([name])),), {key: fields[key] for key in fields if key != name}
    absent = [name for name in OFTEN_EMPTY if name not in fields]
    for names in chain(combinations(absent, 1), combinations(absent, 2)):
        yield (change("FIELDS_DROPPED", fields=_names(names)),), {**fields, **dict.fromkeys(names, b"")}
    if b"auth_app_id" not in fields and b"app_id" in fields:
        added = {**fields, b"auth_app_id": fields[b"app_id"]}
        yield (change("FIELDS_DROPPED", fields="auth_app_id"),), added
    for name, value in fields.items():
        if name not in (b"sign", b"sign_type"):
            yield from _encoded_again(fields, name, value)
            for padded in (value + b" ", b" " + value, b" " + value + b" ", value + b"\n", value + b"\r\n"):
                yield (change("VALUE_TRIMMED", fields=_names([name])),), {**fields, name: padded}


def pluses(fields: Fields) -> Iterator[tuple[tuple[Change, ...], Fields]]:
    """Spaces that may have been pluses. Those of a time never were."""
    places = [
        (name, found.start())
        for name, value in fields.items()
        if name != b"sign" and not _TIME.fullmatch(value)
        for found in re.finditer(b" ", value)
    ]
    if not places:
        return
    names = list(dict.fromkeys(name for name, _ in places))
    every = {name: fields[name].replace(b" ", b"+") for name in names}
    yield (change("DECODED_PLUS", fields=_names(names)),), {**fields, **every}
    if len(places) > _MAX_SPACES:
        for name in names:
            yield (change("DECODED_PLUS", fields=_names([name])),), {**fields, name: every[name]}
        return
    for count in range(1, len(places)):
        for chosen in combinations(places, count):
            values = {name: bytearray(fields[name]) for name, _ in chosen}
            for name, at in chosen:
                values[name][at : at + 1] = b"+"
            restored = {name: bytes(value) for name, value in values.items()}
            yield (change("DECODED_PLUS", fields=_names(restored)),), {**fields, **restored}


def _encoded_again(fields: Fields, name: bytes, value: bytes) -> Iterator[tuple[tuple[Change, ...], Fields]]:
    plain = quote_from_bytes(value, safe="").encode("ascii")
    spelled = {
        plain, plain.replace(b"%20", b"+"), quote_from_bytes(value, safe="/:,").encode("ascii"),
        value.replace(b" ", b"%20"), value.replace(b" ", b"%2B"), value.replace(b"+", b"%2B"),
        value.replace(b"/", b"%2F"), value.replace(b"&", b"%26"), value.replace(b"=", b"%3D"),
        value.replace(b"%", b"%25"),
    }  # fmt: skip
    for one in sorted(spelled - {value}):
        yield (change("DOUBLE_DECODED", fields=_names([name])),), {**fields, name: one}


# -- the signature -------------------------------------------------------------------------------------------------


def signatures(text: bytes) -> list[tuple[tuple[Change, ...], bytes]]:
    """The bytes of a signature, read strictly, and with what was done to its text undone."""
    found: list[tuple[tuple[Change, ...], bytes]] = []
    for changes, one in _spellings(text):
        try:
            raw = a2b_base64(one, strict_mode=True)
        except ValueError:
            continue
        if raw and all(raw != known for _, known in found):
            found.append((changes, raw))
    return found


def _spellings(text: bytes) -> Iterator[tuple[tuple[Change, ...], bytes]]:
    yield (), text
    changes: list[Change] = []
    if b"%" in text:
        text = unquote_to_bytes(text)
        changes.append(change("DOUBLE_ENCODED", fields="sign"))
        yield tuple(changes), text
    if text != (stripped := re.sub(rb"[\r\n\t]", b"", text).strip()):
        text = stripped
        changes.append(change("SIGN_CHANGED", how=("white space was added", "添加了空白")))
        yield tuple(changes), text
    if b" " in text:
        text = text.replace(b" ", b"+")
        changes.append(change("DECODED_PLUS", fields="sign"))
        yield tuple(changes), text
    if b"-" in text or b"_" in text:
        text = text.translate(bytes.maketrans(b"-_", b"+/"))
        changes.append(change("SIGN_CHANGED", how=("URL-safe base64", "使用了 URL 安全的 base64")))
        yield tuple(changes), text
    if len(text) % 4:
        changes.append(change("SIGN_CHANGED", how=("the = at its end was dropped", "末尾的 = 被丢弃")))
        yield tuple(changes), text + b"=" * (-len(text) % 4)


def _names(names: object) -> str:
    listed: list[bytes] = list(names)  # type: ignore[call-overload]  # any iterable of names
    return ", ".join(name.decode("ascii", "replace") for name in listed)
