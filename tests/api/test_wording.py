"""Problems in the caller's language, and that no sentence and no code is without words.

Whoever adds a refusal or a code of a field adds its words to `api/wording.yaml`.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from api.wording import wording
from domain.destinations import LONGEST_URL
from domain.errors import ConcurrentChange, InvalidFields, Refused, Unavailable
from tests.api.front import Front

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "application", "projections", "api")
CHINESE = re.compile("[\u4e00-\u9fff]")
CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}


def refusals() -> Iterator[type[Exception]]:
    """Every class of refusals that the api may have to answer with."""
    for layer in LAYERS:
        package = importlib.import_module(layer)
        for module in pkgutil.walk_packages(package.__path__, f"{layer}."):
            if module.name != "api.main" and ".cli" not in module.name:
                importlib.import_module(module.name)
    waiting: list[type[Exception]] = [Refused, Unavailable, ConcurrentChange]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.partition(".")[0] in LAYERS:
            yield kind


def test_every_refusal_has_a_sentence_in_chinese() -> None:
    sentences = {kind: (kind.__doc__ or "").partition("\n")[0] for kind in refusals()}
    assert len(sentences) > 50
    known = wording().sentences
    missing = {k.__name__: s for k, s in sentences.items() if s.rstrip(".") not in known}
    assert missing == {}


def test_so_has_what_the_framework_refuses() -> None:
    for status in (400, 401, 403, 404, 405, 406, 415):
        assert HTTPStatus(status).phrase in wording().sentences


def test_so_has_everything_that_may_be_wrong_with_a_url() -> None:
    tree = ast.parse((ROOT / "domain/destinations.py").read_text())
    said = {
        text.rstrip(".")
        for text in _texts(tree)
        if re.fullmatch(r"(The URL|Only https)[^\n]*[.]", text)
    }
    assert len(said) > 9
    too_long = f"The URL is longer than {LONGEST_URL} characters"
    assert {too_long, *said} - wording().sentences.keys() == set()


def test_every_code_of_a_field_has_words_in_both_languages() -> None:
    codes = {code for layer in LAYERS for code in _codes_in(layer)}
    assert len(codes) > 60
    assert codes - wording().fields.keys() == set()


def test_the_words_are_what_they_should_be() -> None:
    for english, chinese in wording().sentences.items():
        assert CHINESE.search(chinese), english
        assert not chinese.endswith(("。", "."))
    for code, texts in wording().fields.items():
        assert CODE.fullmatch(code), code
        assert texts.keys() == {"en", "zh"}, code
        assert CHINESE.search(texts["zh"]), code


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _codes_in(layer: str) -> Iterator[str]:
    """What the layer's code says of fields: to `InvalidFields` and its kind, and to those
    who gather it.
    """
    kinds = {"InvalidFields", *(one.__name__ for one in InvalidFields.__subclasses__())}
    for path in (ROOT / layer).rglob("*.py"):
        if "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=name), keywords=given) if name in kinds:
                    for value in (one.value for one in given):
                        inside = value.values if isinstance(value, ast.Dict) else [value]
                        yield from (c for one in inside for c in _constants(one))
                case ast.Call(func=ast.Name(id="PydanticCustomError"), args=[kind, *_]):
                    yield from (code.replace("_", "-") for code in _constants(kind))
                case ast.Call(func=ast.Attribute(attr="add"), args=[_, code]):
                    yield from _constants(code)
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]) if (
                    name in {"wrong", "codes"}
                ):
                    yield from _constants(node.value)


def _constants(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(code)) if CODE.fullmatch(code):
            yield code
        case ast.IfExp(body=one, orelse=other):
            yield from _constants(one)
            yield from _constants(other)


def test_a_problem_is_put_in_chinese_and_its_code_stays(front: Front) -> None:
    me = front.someone()
    english = front.client.get("/api/bot/nobody", headers=me)
    chinese = front.client.get("/api/bot/nobody", headers=me | ZH)
    assert (english.status_code, chinese.status_code) == (404, 404)
    assert english.headers["content-language"] == "en"
    assert chinese.headers["content-language"] == "zh-CN"
    said, told = english.json(), chinese.json()
    assert (said["title"], said["detail"]) == (
        "Nothing is recorded under that id",
        "Nothing is recorded under that id.",
    )
    assert (told["title"], told["detail"]) == (
        "该标识下没有任何记录",
        "该标识下没有任何记录。",
    )
    assert told["code"] == said["code"] == "not-found"
    assert told["type"] == said["type"]


def test_what_is_wrong_with_each_field_is_told(front: Front) -> None:
    me, url = front.someone(), "/api/usage/summary?at=2199-01-01T00:00:00Z"
    english = front.client.get(url, headers=me).json()
    assert english["detail"] == (
        "Some fields hold a value that cannot be. at: must lie in the past."
    )
    chinese = front.client.get(url, headers=me | ZH).json()
    assert chinese["detail"] == "部分字段的值无效。at\uff1a必须是过去的时间。"
    assert chinese["errors"] == english["errors"]
    body = {"name": 5, "colour": "red"}
    told = front.client.post("/api/bot", json=body, headers=me | ZH).json()
    assert "name\uff1a必须是文本" in told["detail"]
    assert "colour\uff1a不是此处的字段" in told["detail"]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh", "zh-CN"),
        ("zh-Hans-CN", "zh-CN"),
        ("ZH-cn", "zh-CN"),
        ("en-GB, zh;q=0.5", "en"),
        ("de, zh;q=0.5", "zh-CN"),
        ("zh;q=0, en", "en"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        (";;;q=zh,,", "en"),
    ],
)
def test_the_language_that_is_liked_best_is_spoken(
    front: Front, accepted: str, language: str
) -> None:
    answer = front.client.get("/api/bot", headers={"Accept-Language": accepted})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["content-language"] == language
    assert bool(CHINESE.search(answer.json()["title"])) is (language == "zh-CN")


def test_what_is_refused_at_the_door_is_in_chinese_too(front: Front) -> None:
    me = front.someone() | ZH
    post = front.client.post
    for answer in (
        post("/api/bot", content=b"{", headers=me),
        post("/api/bot", content=b"x" * (2 << 20), headers=me),
        post("/api/bot", content=b"x", headers=me | {"Content-Type": "text/plain"}),
        front.client.get("/api/nothing", headers=me),
        front.client.delete("/api/bot", headers=me),
    ):
        assert answer.status_code in {400, 404, 405, 413, 415, 422}
        assert CHINESE.search(answer.json()["title"]), answer.text
        assert CHINESE.search(answer.json()["detail"]), answer.text
