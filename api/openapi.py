"""The OpenAPI document: what the framework reads off the routes, and what holds for all.

Whatever each route says of itself stays. What stands in front of every route (who asks, how
often, with what body) and the one shape of all refusals are said here, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

CONVENTIONS = """
A refusal is a problem (RFC 9457); its `code` never changes, its texts follow
`Accept-Language` (en, zh-CN). Lists take `limit` and `cursor`. A write tells the position
it reached in `X-Log-Position`; a read that is given it as `after_position` waits for it.
""".strip()
METHODS = ("get", "post", "put", "patch", "delete")
SIGN_IN = "sign-in"  # the tag of what takes credentials
REFERENCE = "#/components/{kind}/{name}"
_TEXT = {"type": "string"}
REFUSALS = {
    400: "The request cannot be read.",
    401: "The credential is missing, wrong, expired or revoked.",
    403: "The caller may not do this.",
    404: "It is not there, or it is another team's.",
    408: "The body took too long to arrive.",
    409: "The state does not allow it.",
    412: "It has changed since it was read.",
    413: "The body is longer than 1 MiB.",
    415: "The body is not JSON in UTF-8, or it has a content coding.",
    422: "A value cannot be, or the Idempotency-Key was used with another body.",
    429: "A limit or a rate is used up; `Retry-After` says until when, if it ends.",
    503: "Something that is needed does not answer; nothing was done.",
    504: "The read model did not reach that position within five seconds.",
}
HEADERS = {
    "X-Request-Id": {
        "description": "Names the request, in logs and in the events it led to.",
        "schema": _TEXT,
    },
    "X-Log-Position": {
        "description": "`fleet=1042`, `calls=88` or both: what was reached, or read at.",
        "schema": _TEXT,
    },
}
PARAMETERS = {
    "X-Team-Id": {
        "description": "Which of the caller's teams is meant, if not the token's.",
        "schema": _TEXT | {"format": "uuid"},
    },
    "Idempotency-Key": {
        "description": "The same request with the same key is carried out once.",
        "schema": _TEXT | {"minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    },
}


class FieldProblem(BaseModel):
    """A field of the request, by its path, and what is wrong with it."""

    field: str
    code: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem] = []


class ControlPlane(FastAPI):
    """The application, with a document that says what holds for all its routes."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=CONVENTIONS,
                routes=self.routes,
            )
            self.openapi_schema = _completed(document)
        return self.openapi_schema


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                _complete(item[method], method)
    components = document["components"]
    for framework_s in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(framework_s, None)
    _, ours = models_json_schema(
        [(Problem, "serialization")],
        ref_template=REFERENCE.format(kind="schemas", name="{model}"),
    )
    components["schemas"] |= ours["$defs"]
    components["headers"] = HEADERS
    components["parameters"] = {
        name: {"name": name, "in": "header"} | said for name, said in PARAMETERS.items()
    }
    problem = {"schema": _reference("schemas", "Problem")}
    components["responses"] = {
        str(status): {
            "description": description,
            "headers": {"X-Request-Id": _reference("headers", "X-Request-Id")},
            "content": {"application/problem+json": problem},
        }
        for status, description in REFUSALS.items()
    }
    return document


def _complete(operation: dict[str, Any], method: str) -> None:
    """What the layers in front of the route take and answer is said of it, too."""
    guarded, writes = "security" in operation, method != "get"
    for response in operation["responses"].values():
        headers = [name for name in HEADERS if guarded or name == "X-Request-Id"]
        response["headers"] = {name: _reference("headers", name) for name in headers}
    operation["responses"].pop("422", None)  # the framework's own shape
    for status in _refusals(operation, guarded=guarded, writes=writes):
        operation["responses"].setdefault(str(status), _reference("responses", str(status)))
    taken = ["X-Team-Id"] * guarded + ["Idempotency-Key"] * writes
    parameters = operation.setdefault("parameters", [])
    parameters += [_reference("parameters", name) for name in taken]


def _refusals(operation: dict[str, Any], *, guarded: bool, writes: bool) -> Iterator[int]:
    """The statuses that the operation may be refused with."""
    parameters = operation.get("parameters", ())
    names = {one["name"] for one in parameters}
    yield from (400, 429, 503)
    if guarded or writes or SIGN_IN in operation["tags"]:
        yield from (401, 409)
    if guarded:
        yield 403
    if guarded or any(one["in"] == "path" for one in parameters):
        yield 404
    if "requestBody" in operation:
        yield from (408, 413, 415)
    if writes or names:
        yield 422
    if "if-match" in names:
        yield 412
    if names & {"after_position", "at"}:
        yield 504


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(kind=kind, name=name)}
