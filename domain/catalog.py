"""The vendor catalog: what we know of each AI vendor, and where a call to it may go.

Everything here is read from the YAML files under `adapters/catalog`; a vendor is data, and
no vendor's name appears in the code. `target` answers the proxy's question: this tail of
`/api/v1/{vendor}/`, this method, this key's base URL - which upstream path, if any?

Tails come in the style of the vendor's own SDK (`v1/chat/completions`, `openai/v1/models`)
or bare (`chat/completions`), and operators paste base URLs with or without `/v1`: all of
these lead to the same place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from domain.errors import Forbidden, NotFound
from domain.paths import (
    ClosedPaths,
    PathPattern,
    Segments,
    ends_with,
    lowered,
    overlap,
    plain_segments,
    split,
)
from domain.verdicts import VerdictRule

AllowPaths = Literal["inference", "all"]
Category = Literal["mainstream", "china", "cloud", "other"]
Format = Literal[
    "openai-chat",
    "openai-responses",
    "openai-embeddings",
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
# missing means true (Ollama); a header (DashScope); the path alone.
Streaming = Literal["body", "body-unless-false", "header", "path", "never"]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class UnknownVendor(NotFound):
    """No vendor of the catalog has that id or alias."""

    code = "unknown-vendor"


class PathNotAllowed(Forbidden):
    """This method and path are not open for this key, or the path is not a plain one."""

    code = "path-not-allowed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Auth:
    """The request header a key travels in: `Bearer <key>`, or the key as it is."""

    header: str
    scheme: Scheme


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One thing that can be asked of a vendor.

    `metered`: it spends tokens, so quotas hold and settle them. `format` is how to read the
    usage, None if there is nothing we can read. `auth` only where it differs from the
    vendor's own.
    """

    methods: frozenset[str]
    pattern: PathPattern  # below the vendor's base URL
    format: Format | None = None
    metered: bool = False
    group: Group = "other"
    model_in_path: bool = False
    streaming: Streaming = "never"
    auth: Auth | None = None


UNLISTED = Endpoint(methods=METHODS, pattern=PathPattern("**"))


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
    openai_base: str | None  # what an OpenAI SDK's base URL ends in; None: not spoken
    anthropic_base: str | None  # what `/v1/messages` is put behind; None: not spoken
    path_roots: tuple[str, ...]  # first segments of the vendor's own paths, lower case
    models_path: str  # a cheap GET that fails with a bad key; may have a query
    endpoints: tuple[Endpoint, ...]
    closed: ClosedPaths  # administration: never open
    include_usage: bool  # streams of openai-chat tell usage only when asked to
    verdicts: tuple[VerdictRule, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a call goes: `path` is put behind the origin, as it is."""

    path: str
    endpoint: Endpoint
    model: str | None  # if the path names it
    auth: Auth  # for this path


class Catalog:
    """All vendors, by id and alias."""

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        self._all = tuple(vendors)
        self._by_name = {name: v for v in self._all for name in (v.id, *v.aliases)}

    def get(self, vendor_id: str) -> Vendor:
        """The vendor of that id or alias; `UnknownVendor` if there is none."""
        vendor = self._by_name.get(vendor_id)
        if vendor is None:
            raise UnknownVendor
        return vendor

    def all(self) -> tuple[Vendor, ...]:
        return self._all


def target(
    vendor: Vendor, *, base_path: str, method: str, tail: str, allow_paths: AllowPaths
) -> Target:
    """Where the call goes below the key's base path; `PathNotAllowed` if nowhere.

    `tail` is the raw path after `/api/v1/{vendor}/`, still percent-encoded, no query. The
    path in the answer has no percent sign left: it is the text that was judged.
    """
    return _target(vendor, base_path, method, tail, allow_paths)


@lru_cache(maxsize=1024)  # bots ask for few different paths; 8 MB if they try to fill it
def _target(
    vendor: Vendor, base_path: str, method: str, tail: str, allow_paths: AllowPaths
) -> Target:
    segments = plain_segments(tail)
    if segments is None or method not in METHODS:
        raise PathNotAllowed
    base, laid_out = split(base_path), _laid_out(vendor, segments)
    shapes = _shapes(vendor, base, segments, laid_out)
    if any(vendor.closed.close(lowered(shape)) for shape in shapes):
        raise PathNotAllowed
    endpoint, shape = _endpoint(vendor, method, shapes, allow_paths)
    return Target(
        path="/" + "/".join(_joined(vendor, base, segments, laid_out)),
        endpoint=endpoint,
        model=endpoint.pattern.starred(shape) if endpoint.model_in_path else None,
        auth=endpoint.auth or vendor.auth,
    )


def key_check_path(vendor: Vendor, *, base_path: str) -> str:
    """What to GET to learn whether a key is good: path, and query if there is one."""
    path, mark, query = vendor.models_path.partition("?")
    segments = split(path)
    joined = _joined(vendor, split(base_path), segments, segments)
    return "/" + "/".join(joined) + mark + query


CHATS = {("chat", "completions"), ("completions",), ("embeddings",)}
MESSAGES = {("messages",), ("messages", "count_tokens")}
OPENAI_ROOTS = {"models", "images", "audio", "moderations", "files", "rerank"}


def _laid_out(vendor: Vendor, tail: Segments) -> Segments | None:
    """The tail as this vendor lays out its paths, or None if we only know it as it is."""
    names = lowered(tail)
    skip = 1 if names[0] == "v1" else 0
    names, bare = names[skip:], tail[skip:]
    if vendor.anthropic_base is not None and names in MESSAGES:
        return (*split(vendor.anthropic_base), "v1", *bare)
    if vendor.openai_base is not None and (names in CHATS or names[:1] == ("responses",)):
        return (*split(vendor.openai_base), *bare)
    if tail[0].lower() in vendor.path_roots:
        return tail
    if vendor.openai_base is not None and names and names[0] in OPENAI_ROOTS:
        return (*split(vendor.openai_base), *bare)
    return None


def _shapes(
    vendor: Vendor, base: Segments, tail: Segments, laid_out: Segments | None
) -> tuple[Segments, ...]:
    """The path below the vendor's base, in each way that it can be understood.

    Where the tail begins with the end of the key's base path, that end may be repeated
    (`v1` behind `/v1`), so what follows it is looked at by itself too.
    """
    shape = laid_out or tail
    rest = tail[overlap(base, tail) :]
    if not rest or rest == tail:
        return (shape,)
    return (shape, _laid_out(vendor, rest) or rest)


def _endpoint(
    vendor: Vendor, method: str, shapes: tuple[Segments, ...], allow_paths: AllowPaths
) -> tuple[Endpoint, Segments]:
    """The first endpoint that fits, with the shape it fits; `PathNotAllowed` if none."""
    everything = allow_paths == "all"
    asked = [e for e in vendor.endpoints if method in e.methods]
    for shape in shapes:
        path = lowered(shape)
        for endpoint in asked:
            if endpoint.pattern.fits(path) and (everything or endpoint.group != "other"):
                return endpoint, shape
    if not everything:
        raise PathNotAllowed
    # An upstream may serve the same below another root: whatever ends like a metered
    # endpoint is metered as one, or a bot could walk around its quota.
    path = lowered(shapes[-1])
    for endpoint in asked:
        end = path[-endpoint.pattern.size :]
        if endpoint.metered and endpoint.pattern.fits(end):
            return endpoint, shapes[-1][-endpoint.pattern.size :]
    return UNLISTED, shapes[0]


def _joined(
    vendor: Vendor, base: Segments, tail: Segments, laid_out: Segments | None
) -> Segments:
    """Base and path as one: what ends the one and begins the other is written once.

    A base that ends in the vendor's own openai_base or anthropic_base already says how far
    down it is; what is laid out from the vendor's root starts above that.
    """
    if laid_out is None:
        return base + tail[overlap(base, tail) :]
    for known in (vendor.openai_base, vendor.anthropic_base):
        end = split(known or "")
        if end and ends_with(base, end):
            root = base[: -len(end)]
            return root + laid_out[overlap(root, laid_out) :]
    if overlap(base, laid_out):
        return base + laid_out[overlap(base, laid_out) :]
    if overlap(base, tail):
        return base + tail[overlap(base, tail) :]
    return base + laid_out
