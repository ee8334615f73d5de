"""What the catalog knows of one vendor: where it is, what it opens, how it is spoken to.

A vendor is data, read from the YAML files under `adapters/catalog`: no vendor's name
appears in the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from domain.layouts import Layout
from domain.paths import ClosedPaths, PathPattern, Segments
from domain.verdicts import VerdictRule

Category = Literal["mainstream", "china", "cloud", "other"]
Format = Literal[
    "openai-chat",
    "openai-responses",
    "openai-realtime",
    "openai-embeddings",
    "openai-images",
    "openai-audio",
    "anthropic-messages",
    "gemini",
    "gemini-interactions",
    "cohere-v2",
    "ollama",
    "dashscope-native",
]
Group = Literal["inference", "models", "other"]
Scheme = Literal["bearer", "raw"]
# Where a request says that it wants a stream: `"stream": true` in the body; the same, but
# missing means true (Ollama); `"stream_format": "sse"` (OpenAI's speech); one of
# `stream_headers` (DashScope); the path alone.
Streaming = Literal["body", "body-unless-false", "stream-format", "header", "path", "never"]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
# No method of HTTP, which are in capitals here: a GET that asks for a WebSocket.
WEBSOCKET = "websocket"


@dataclass(frozen=True, kw_only=True, slots=True)
class Auth:
    """The request header a key travels in: `Bearer <key>`, or the key as it is."""

    header: str
    scheme: Scheme


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One thing that can be asked of a vendor.

    `metered`: it spends tokens, so quotas hold and settle them. `format` is how to read the
    usage, None if there is nothing we can read. `ending` is the pattern without what lies
    above it: by it the endpoint is known below another root too. `auth` only where it
    differs from the vendor's own.
    """

    methods: frozenset[str]
    pattern: PathPattern  # below the vendor's base URL
    ending: PathPattern
    format: Format | None = None
    metered: bool = False
    group: Group = "other"
    model_in_path: bool = False  # it is what the pattern's first star stands for
    streaming: Streaming = "never"
    stream_headers: tuple[tuple[bytes, bytes], ...] = ()  # names and values, lower case
    fixed_query: tuple[tuple[str, str], ...] = ()  # sent when the client did not send it
    auth: Auth | None = None


_ANYTHING = PathPattern("**")
UNLISTED = Endpoint(methods=METHODS, pattern=_ANYTHING, ending=_ANYTHING)
KEY_CHECK = Endpoint(
    methods=frozenset({"GET"}), pattern=_ANYTHING, ending=_ANYTHING, group="models"
)


class HeaderNames:
    """Names of headers, lower case; one that ends in a star is all that begin so."""

    def __init__(self, names: Iterable[str]) -> None:
        texts = tuple(names)
        self._whole = frozenset(text.encode() for text in texts if text[-1] != "*")
        self._starts = tuple(text[:-1].encode() for text in texts if text[-1] == "*")
        # Every header of every answer is asked for, and they are the same few names.
        self.passes = lru_cache(maxsize=512)(self.__contains__)

    def __contains__(self, name: bytes) -> bool:
        return name in self._whole or name.startswith(self._starts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pricing:
    """Whose prices hold, by provider id in `genai-prices`."""

    provider: str
    then: str | None = None  # where to look for a model that the first one lacks


@dataclass(frozen=True, kw_only=True, eq=False)
class Vendor:
    """One vendor. Vendors are equal only to themselves; the catalog has each once."""

    id: str
    aliases: tuple[str, ...]
    category: Category
    names: Mapping[str, str]  # by language
    base_url: str | None  # None: every key brings its own
    alt_base_urls: Mapping[str, str]  # other regions, for people to choose from
    auth: Auth
    needs_key: bool
    fixed_headers: Mapping[str, str]  # sent when the client did not send them
    pass_headers: tuple[str, ...]  # all that may pass upstream, lower case
    back_headers: HeaderNames  # all that may pass back to the client
    layouts: tuple[Layout, ...]  # the vendor's usual one first
    path_roots: tuple[str, ...]  # first segments of the vendor's own paths, lower case
    native_base: Segments | None  # what bare tails of the vendor's own format lie behind
    models_path: str  # a cheap GET that fails with a bad key; may have a query
    endpoints: tuple[Endpoint, ...]
    closed: ClosedPaths  # administration: never open
    include_usage: bool  # streams of openai-chat tell usage only when asked to
    drain: bool  # a stream whose client left is read on for its usage; else it is cut
    pricing: Pricing | None
    verdicts: tuple[VerdictRule, ...]
    model_prefix: str = ""  # may stand before a model's name, which is the same without

    @property
    def own_paths(self) -> tuple[Segments, ...]:
        """What the vendor's own paths begin with: a base URL that ends so goes too far."""
        return (self.native_base or (), *((root,) for root in self.path_roots))
