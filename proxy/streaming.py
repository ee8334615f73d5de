"""Whether a call asks for a stream: every API has a place of its own to say so."""

from __future__ import annotations

from collections.abc import Mapping

from domain.vendors import Endpoint
from proxy.incoming import Asked


def asks_for_stream(
    endpoint: Endpoint, headers: Mapping[bytes, bytes], asked: Asked
) -> bool:
    """By the endpoint's rule, from the request's headers and its body; a path that streams
    has an endpoint of its own, and no query changes that."""
    match endpoint.streaming:
        case "body":
            return asked.stream is True
        case "body-unless-false":
            return asked.stream is not False
        case "stream-format":
            return asked.stream_format == b'"sse"'
        case "header":
            return any(
                name in headers and value in _listed(headers[name])
                for name, value in endpoint.stream_headers
            )
        case "path":
            return True
        case "never":
            return False


def _listed(value: bytes) -> list[bytes]:
    """What a header names, without parameters."""
    return [one.partition(b";")[0].strip() for one in value.lower().split(b",")]
