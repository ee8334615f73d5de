"""A call as it goes out: read, decided, and changed only where it must be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.keys import secret_ref
from application.ports import SecretRef
from domain.calls import CallAdmitted
from domain.catalog import Target
from domain.routing_kept import KeptRouting
from domain.routing_policy import Retry, Trigger
from proxy.admission import Credential, Route, facts_of
from proxy.asking import INCLUDE_USAGE, with_usage_asked
from proxy.estimates import estimated_tokens
from proxy.incoming import NOTHING_ASKED, Asked, Incoming, read_json
from proxy.realtime.handshake import asked_in_query
from proxy.streaming import asks_for_stream
from proxy.upload import Upload

_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, which some readers pass over


class Candidates(Protocol):
    """What else may serve an `auto` call, when its keys at one vendor cannot."""

    @property
    def kept(self) -> KeptRouting:
        """The record of the decision."""

    @property
    def more(self) -> bool:
        """Whether there are any that were not tried."""

    @property
    def trigger(self) -> Trigger | None:
        """What makes the call go on; None: what every call goes on for."""

    @property
    def retry(self) -> Retry | None:
        """How often, and after what wait; None: as often as there are candidates."""

    def following(self) -> Outgoing | None:
        """The call to the next one that may be asked."""

    def others(self) -> Iterable[Outgoing]:
        """The call to each one that was not tried, each as if it were the first."""

    def leave_for_later(self, call: Outgoing) -> None:
        """The other keys that the call could use where it goes come after all others."""


@dataclass(kw_only=True, slots=True)
class Outgoing:
    """Everything that is decided about one call before it is admitted."""

    credential: Credential
    incoming: Incoming
    route: Route
    asked: Asked
    asked_body: bytes  # as it came
    body: bytes
    upload: Upload | None  # instead of a body
    streaming: bool
    changes: tuple[str, ...]
    routed: Candidates | None = None  # of an `auto` call

    @property
    def model(self) -> str | None:
        """The model that is asked for."""
        return self.route.target.model or self.asked.model

    @property
    def target(self) -> bytes:
        """Path and query as they go upstream."""
        target = self.route.target
        path, query = target.path.encode(), target.full_query(self.incoming.query)
        return path + b"?" + query if query else path

    @property
    def secret(self) -> SecretRef:
        """Which secret the vendor is to see, and where it may be sent."""
        key = self.route.key
        return secret_ref(
            key.team_id, key.key_id, key.secret_version, key.vendor, key.origin
        )

    def lower(self, body: bytes, change: str) -> None:
        """The call goes out with this body; another attempt begins with the asked one."""
        self.body, self.changes = body, (*self.changes, change)

    def admitted(self, process_id: UUID) -> CallAdmitted:
        """The event that is committed before the secret is opened."""
        target, key = self.route.target, self.route.key
        endpoint = target.endpoint
        size = len(self.body) if self.upload is None else self.upload.size
        return CallAdmitted(
            facts=facts_of(self.credential, self.route.vendor.id, self.model, key),
            process_id=process_id,
            secret_version=key.secret_version,
            format=endpoint.format if endpoint.metered else None,
            method=self.incoming.method,
            path=target.path,
            streaming=self.streaming,
            request_bytes=size,
            input_estimate=estimated_tokens(size),
            changes=self.changes,
            routing=None if self.routed is None else self.routed.kept,
            token_id=self.credential.token_id,
        )


def outgoing(  # noqa: PLR0913, PLR0917  # what is known of a call
    credential: Credential,
    incoming: Incoming,
    route: Route,
    asked: Asked,
    body: bytes,
    upload: Upload | None = None,
) -> Outgoing:
    """The call as it goes to this route."""
    asked_body = body
    changes = incoming.changed
    endpoint = route.target.endpoint
    streaming = asks_for_stream(endpoint, incoming.headers, asked)
    if streaming and endpoint.format == "openai-chat" and route.vendor.include_usage:
        with_usage = with_usage_asked(body, has_options=asked.stream_options)
        if with_usage is not None:
            body, changes = with_usage, (*changes, INCLUDE_USAGE)
    return Outgoing(
        credential=credential,
        incoming=incoming,
        route=route,
        asked=asked,
        asked_body=asked_body,
        body=body,
        upload=upload,
        streaming=streaming,
        changes=changes,
    )


def what_is_asked(target: Target, body: bytes, query: bytes = b"") -> Asked:
    """What the body of a call that costs something asks for, or a session's query;
    `NotReadable`.

    All that is no form is read as JSON, whatever the headers call it: the vendor may not
    believe them either.
    """
    endpoint = target.endpoint
    if endpoint.format == "openai-realtime":
        return asked_in_query(query)
    if endpoint.format is None and not endpoint.metered:
        return NOTHING_ASKED
    if endpoint.format is None and not body.lstrip(_BEFORE_JSON).startswith(b"{"):
        return NOTHING_ASKED
    return read_json(body)
