"""From a vendor's call to its answer, in the order in which a vendor would refuse it:
unknown path, credential, body, and then what the script asks for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs
from zlib import crc32

import msgspec

from adapters.simulator.counting import (
    TOKEN_BYTES,
    arguments,
    first_bytes,
    greeting,
    lengthened,
    pieces_of,
    tokens_of,
)
from adapters.simulator.credentials import Credentials
from adapters.simulator.dialects.openai_realtime import Conversation
from adapters.simulator.dialects.vendors import ANTHROPIC, encode
from adapters.simulator.ledger import Usage
from adapters.simulator.plan import Plan, error_plan
from adapters.simulator.rendering import Answer, Asked, Dialect, Refusal, Rendered
from adapters.simulator.routes import Route
from adapters.simulator.script import USUAL, BadDirective, Script, script_of

WAIT = frozenset({429, 503, 529})  # statuses that come with a retry-after
SERVER_ERROR = 500
BROKEN = "The server had an error while processing your request."


@dataclass(slots=True)
class Request:
    """One HTTP request. Header names are lower case; only those of use are kept."""

    method: bytes = b"GET"
    path: str = "/"
    query: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Call:
    """A vendor's call; what its body says is known once it was rendered."""

    request: Request
    route: Route
    credentials: Credentials
    core: str
    model: str = ""  # without directives
    script: Script = USUAL
    stream: bool = False


def render(call: Call, *, key: str | None) -> Rendered:
    """The answer's bytes; raises Refusal for whatever is wrong with the call."""
    request, route = call.request, call.route
    if route.answers is None:
        method = request.method.decode("latin-1")
        raise Refusal(404, f"Invalid URL ({method} {request.path})")
    check_key(call, key)
    if route.vendor is ANTHROPIC and b"anthropic-version" not in request.headers:
        raise Refusal(400, "anthropic-version: header is required")
    try:
        if callable(route.answers):
            model, whole = route.answers(request.body)
            follow_script(call, model or route.model)
            return whole(call.model, not call.script.nousage)
        asked = route.answers.asked(request.body, route.model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, f"The body cannot be read: {error}") from error
    call.stream = asked.stream
    follow_script(call, asked.model)
    answer = _answer(asked, call)
    return _in_dialect(route.answers, answer, stream=asked.stream)


def meet(call: Call, *, key: str | None) -> Conversation:
    """The session that a WebSocket asks for; raises Refusal."""
    check_key(call, key)
    query = parse_qs(call.request.query.decode("latin-1"))
    named = [*query.get("model", []), *query.get("deployment", [])]
    if not named:
        raise Refusal(400, "You must provide a model parameter.", "missing_model")
    call.stream = True
    follow_script(call, named[0])
    return Conversation(call.core, call.model, call.script, call.credentials.value)


def check_key(call: Call, key: str | None) -> None:
    """The call's credential is one that is good here; raises Refusal."""
    vendor, sent = call.route.vendor, call.credentials.value
    if not sent and vendor.missing_key is not None:
        raise vendor.missing_key
    if key is not None and sent != key:
        raise vendor.wrong_key


def refused(call: Call, refusal: Refusal, *, close: bool) -> Plan:
    """The refusal in the vendor's shape."""
    route, script = call.route, call.script
    shown = route.vendor.error(refusal, call.core, script.retry)
    body = encode([shown] if route.array else shown)
    extra = b"%b: req_%b\r\n" % (route.vendor.request_id_header, call.core.encode())
    if refusal.status in WAIT and refusal.code is None:
        extra += b"retry-after: %d\r\n" % script.retry
    if close:
        extra += b"connection: close\r\n"
    plan = error_plan(refusal.status, body, extra=extra)
    plan.close = close
    plan.script = script
    return plan


def follow_script(call: Call, model: str) -> None:
    """The call knows its model and script; raises Refusal if the script says so."""
    call.model, _, in_model = model.partition("+")
    in_header = call.request.headers.get(b"x-sim", b"").decode("latin-1")
    try:
        script = script_of(call.credentials.value, in_model, in_header)
    except BadDirective as error:
        raise Refusal(400, str(error)) from error
    call.script = script
    status = script.status
    if status is None and script.error is not None and not call.stream:
        status = SERVER_ERROR
    if status is not None and crc32(call.core.encode()) % script.one_in == 0:
        message = BROKEN if status >= SERVER_ERROR else f"Simulated status {status}."
        if script.echo:
            message += f" You sent the credential {call.credentials.value}"
        raise Refusal(status, message, script.code)


def _answer(asked: Asked, call: Call) -> Answer:
    """What is said and what it costs, as script and limit want it."""
    script = call.script
    text = script.say or greeting(asked.last_text)
    if script.echo:
        text = f"You sent the credential {call.credentials.value}"
    if script.big is not None:
        text = lengthened(text, script.big)
    elif script.tokens is not None:
        text = lengthened(text, script.tokens * TOKEN_BYTES)
    tool = asked.tool if script.tool else ""
    if tool:
        text = arguments(asked.last_text)
    tokens, reasoning, by_length = tokens_of(text), script.reasoning, False
    if asked.limit is not None and tokens + reasoning > asked.limit:
        by_length = True
        reasoning = min(reasoning, asked.limit)
        text = first_bytes(text, (asked.limit - reasoning) * TOKEN_BYTES)
        tokens, tool = tokens_of(text), ""
    cached = min(script.cached, asked.input_tokens)
    return Answer(
        core=call.core,
        created=int(time.time()),
        model=call.model,
        text=text,
        pieces=pieces_of(text) if asked.stream else [],
        usage=Usage(asked.input_tokens, tokens + reasoning, cached, reasoning),
        by_length=by_length,
        with_usage=asked.with_usage and not script.nousage,
        tool=tool,
        manner=asked.manner,
        mistral=script.mistral,
    )


def _in_dialect(dialect: Dialect, answer: Answer, *, stream: bool) -> Rendered:
    return dialect.streamed(answer) if stream else dialect.plain(answer)
