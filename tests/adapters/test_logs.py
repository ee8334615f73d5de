"""What a line of the log says of itself gets into it: only fields that are listed do."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from adapters.logs import FIELDS, JsonLines

ROOT = Path(__file__).parents[2]
OURS = ("adapters", "api", "application", "proxy")


def test_every_field_that_a_line_is_given_is_listed() -> None:
    given = {
        (str(file.relative_to(ROOT)), name)
        for folder in OURS
        for file in (ROOT / folder).rglob("*.py")
        for name in fields_given(ast.parse(file.read_text()))
    }
    assert len(given) > len(FIELDS)
    assert [one for one in sorted(given) if one[1] not in FIELDS] == []


def test_what_is_not_listed_stays_out() -> None:
    record = logging.makeLogRecord({"msg": "it.happened", "secret": "sk-1", "view": "v"})
    line = json.loads(JsonLines().format(record))
    assert {"message": "it.happened", "view": "v"}.items() <= line.items()
    assert "sk-1" not in str(line)


def fields_given(tree: ast.AST) -> Iterator[str]:
    """The keys of every mapping that a call in the module is given as `extra`."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            named = {
                target.id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and is_log(call.func):
                    for keyword in call.keywords:
                        if keyword.arg == "extra":
                            yield from keys(keyword.value, named)


def is_log(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and (
        isinstance(function.value, ast.Name) and function.value.id == "log"
    )


def keys(value: ast.expr, named: dict[str, ast.expr]) -> Iterator[str]:
    if isinstance(value, ast.Name):
        value = named.get(value.id, value)
    if isinstance(value, ast.Dict):
        for key, one in zip(value.keys, value.values, strict=True):
            if key is None:
                yield from keys(one, named)
            elif isinstance(key, ast.Constant):
                yield str(key.value)
