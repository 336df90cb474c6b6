"""What the generators say themselves, in English and Chinese."""

from __future__ import annotations

import re

WORDS = {
    "en": {
        "file": "The whole file", "key": "key", "meaning": "meaning", "default": "default", "required": "required",
        "environment": "environment",
        "secret": 'a reference to a secret, `{"env": "NAME"}` or `{"file": "path"}`',
        "text": "text", "whole": "whole number", "number": "number", "boolean": "`true` or `false`", "list": "list",
        "object": "object", "or": " or ", "range": "{low} to {high}", "one of": "one of {values}", "; ": "; ",
        "code": "code", "said": "as it is said", "class": "raised as", "status": "HTTP status",
        "usage": "Usage", "options": "Options", "option": "option", "always": "always", "if set": "optional",
        "type": "type", "fixed": "`{value}`", "top": "At the top", "map": "by name: {of}", "bases": "is a {names}",
        "drawing": "The states, drawn",
    },
    "zh": {
        "file": "整个文件", "key": "键", "meaning": "含义", "default": "默认值", "required": "必填",
        "environment": "环境变量",
        "secret": '对密钥的引用：`{"env": "NAME"}` 或 `{"file": "path"}`',
        "text": "文本", "whole": "整数", "number": "数", "boolean": "`true` 或 `false`", "list": "列表",
        "object": "对象", "or": "或", "range": "{low} 至 {high}", "one of": "取值 {values}", "; ": "；",
        "code": "错误码", "said": "原文", "class": "异常类", "status": "HTTP 状态",
        "usage": "用法", "options": "选项", "option": "选项", "always": "总有", "if set": "可选",
        "type": "类型", "fixed": "`{value}`", "top": "顶层", "map": "按名称：{of}", "bases": "属于 {names}",
        "drawing": "状态图",
    },
}  # fmt: skip


def words(lang: str) -> dict[str, str]:
    """The words of a language."""
    return WORDS[lang]


def cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(one) for one in line) + " |" for line in lines) + "\n"


def escaped(text: str) -> str:
    """Text of a program, as it is: nothing in it becomes Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)
