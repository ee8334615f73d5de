"""The control plane against its own OpenAPI document, with the examples of Schemathesis.

Every operation is asked what the document allows and what it does not, about things that
are there. No answer may be a server's error, and each is what the document says of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from requests import Session
from schemathesis import APIOperation, Case, CheckFunction, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.front import Front
from tests.api.test_every_route import ids_of

ANSWERS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
ENDLESS = "GET /api/events/stream"  # follows the log unless it is asked not to
STRANGERS_EXAMPLES = 1
HOST = "http://testserver"
Operation = APIOperation[Any, Any, Any, Any]
ACase = Case[Any]


@pytest.mark.parametrize(
    "examples", [1, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])]
)
def test_every_answer_is_as_the_openapi_document_says(real: Front, examples: int) -> None:
    limits = real.system.request_limits
    real.system.request_limits = replace(
        limits,
        writes=replace(limits.writes, most=10**6),
        reads=replace(limits.reads, most=10**6),
    )
    owner = real.someone()
    ids = ids_of(real, owner)
    real.system.pump()
    with asgi.get_client(cast(Any, real.client.app)) as session:
        for operation in operations(real):
            ask(session, operation, {}, ids, [GenerationMode.POSITIVE], STRANGERS_EXAMPLES)
            ask(session, operation, owner, ids, MODES, examples)


def operations(front: Front) -> list[Operation]:
    """All: first what leaves everything in its place, last what ends the session."""
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", front.client.app)
    found: list[Operation] = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        found.append(result.ok())
    return sorted((one for one in found if one.label != ENDLESS), key=_when)


def _when(operation: Operation) -> tuple[bool, bool, int]:
    ends = operation.method == "delete" or operation.path.endswith("/logout")
    return ends, ends and operation.path.startswith("/api/auth"), -len(operation.path)


def ask(
    session: Session,
    operation: Operation,
    headers: dict[str, str],
    ids: dict[str, str],
    modes: Sequence[GenerationMode],
    examples: int,
) -> None:
    """Ask so many examples of each kind, and judge every answer."""
    named = {one.name: ids[one.name] for one in operation.path_parameters}
    for mode in modes:
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # it takes nothing but what `ids` names
        cases = operation.as_strategy(generation_mode=mode, path_parameters=named or None)
        _each(cases, examples, partial(_judge, session, headers))


def _judge(session: Session, headers: dict[str, str], case: ACase) -> None:
    case.headers.pop("X-Team-Id", None)  # another team's: always 404
    sent = case.as_transport_kwargs(base_url=HOST, headers=headers)
    case.validate_response(session.request(**sent), checks=ANSWERS)


def _each(
    cases: SearchStrategy[ACase], examples: int, judge: Callable[[ACase], None]
) -> None:
    looked = settings(
        max_examples=examples,
        derandomize=examples == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )

    @looked
    @given(cases)
    def run(case: ACase) -> None:
        judge(case)

    run()
