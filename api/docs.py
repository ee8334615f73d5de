"""`/api/docs`: the OpenAPI document as a page, rendered here: no script, no other host.

What is referred to holds for many routes: it is told once, on top.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(prefix="/api", tags=["documents"])

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
METHODS = ("get", "post", "put", "patch", "delete")
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid #8884}details{margin:.3rem 0}
summary{cursor:pointer}code{font:13px ui-monospace,monospace}
.m{display:inline-block;width:4.5rem;font-weight:700;text-transform:uppercase}
table{border-collapse:collapse;margin:.5rem 0}
td,th{text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top}
nav a{margin-right:1rem}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}
"""
Document = Mapping[str, Any]


@router.get("/docs", response_class=HTMLResponse)
def docs(request: Request) -> HTMLResponse:
    """Every route by resource, with what it takes and answers."""
    page = "".join(_page(request.app.openapi()))
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def _page(document: Document) -> Iterator[str]:
    by_tag: dict[str, list[tuple[str, str, Document]]] = defaultdict(list)
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                by_tag[tag].append((path, method, item[method]))
    title = escape(document["info"]["title"])
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield f"<style>{STYLE}</style><h1>{title}</h1><p>The same for programs: "
    yield '<a href="/api/openapi.json">openapi.json</a>, events in '
    yield '<a href="/api/asyncapi.json">asyncapi.json</a>.</p>'
    yield f"<p>{escape(document['info']['description'])}</p><p>"
    for one in document["components"]["parameters"].values():
        yield f"<code>{escape(one['name'])}</code> {escape(one['description'])} "
    yield "</p><nav>"
    yield from (f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in sorted(by_tag))
    yield "</nav>"
    for tag in sorted(by_tag):
        yield f'<h2 id="{escape(tag)}">{escape(tag)}</h2>'
        for path, method, operation in sorted(by_tag[tag], key=lambda one: one[:2]):
            yield from _operation(document, path, method, operation)
    yield "</html>"


def _operation(
    document: Document, path: str, method: str, operation: Document
) -> Iterator[str]:
    said = escape(operation.get("description") or operation.get("summary") or "")
    yield f'<details><summary><span class="m">{method}</span> <code>{escape(path)}</code>'
    yield f" {said}</summary>"
    rows = [
        (one["name"], one["in"], _type(one.get("schema", {})), one.get("required", False))
        for one in operation["parameters"]
        if "name" in one
    ]
    body = _content(operation.get("requestBody", {}))
    rows += [(name, "body", kind, must) for name, kind, must in _fields(document, body)]
    if rows:
        yield "<table><tr><th>takes<th>in<th>type<th></tr>"
        for name, place, kind, needed in rows:
            must = "required" if needed else ""
            yield f"<tr><td><code>{escape(name)}</code><td>{escape(place)}"
            yield f"<td>{escape(str(kind))}<td>{must}</tr>"
        yield "</table>"
    refusals = []
    for status, answer in sorted(operation["responses"].items()):
        if "$ref" in answer:
            refusals.append(escape(status))
            continue
        shape = _content(answer)
        kind = escape(_type(shape)) if shape else ""
        yield f"<p><b>{escape(status)}</b> {escape(answer.get('description', ''))} {kind}"
        named = ", ".join(name for name, *_ in _fields(document, shape))
        yield f"{': ' if named else ''}<code>{escape(named)}</code></p>"
    yield f"<p>refused with {', '.join(refusals)}</p></details>"


def _content(holder: Document) -> Document:
    contents = holder.get("content", {})
    schema: Document = contents.get("application/json", {}).get("schema", {})
    return schema


def _fields(document: Document, schema: Document) -> Iterator[tuple[str, str, bool]]:
    """The members of an object: name, type, whether it must be there."""
    found = schema
    for option in schema.get("anyOf", ()):
        if "$ref" in option:
            found = option
    if "$ref" in found:
        found = document["components"]["schemas"][found["$ref"].rsplit("/", 1)[-1]]
    required = set(found.get("required", ()))
    for name, member in found.get("properties", {}).items():
        yield name, _type(member), name in required


def _type(schema: Document) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}))}]"
    return str(schema.get("format") or schema.get("type") or "anything")
