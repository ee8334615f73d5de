"""The vendor catalog: all vendors, and where a call to one of them may go.

`target` answers the proxy's question: this tail of `/api/v1/{vendor}/`, this method, this
key's base URL - which upstream path, if any? Tails come in the style of the vendor's own
SDK (`v1/chat/completions`, `openai/v1/models`) or bare (`chat/completions`), and operators
paste base URLs with or without `/v1`: all of these lead to the same place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote_to_bytes

from domain.errors import Forbidden, NotFound
from domain.layouts import Layout, joined, placed
from domain.paths import Segments, lowered, overlap, plain_segments, split
from domain.vendors import (
    KEY_CHECK,
    METHODS,
    UNLISTED,
    WEBSOCKET,
    Auth,
    Category,
    Endpoint,
    Format,
    Group,
    Pricing,
    Scheme,
    Streaming,
    Vendor,
)

__all__ = [
    "METHODS",
    "UNLISTED",
    "WEBSOCKET",
    "AllowPaths",
    "Auth",
    "Catalog",
    "Category",
    "Endpoint",
    "Format",
    "Group",
    "Opened",
    "PathNotAllowed",
    "Pricing",
    "Scheme",
    "Streaming",
    "Target",
    "UnknownVendor",
    "Vendor",
    "key_check_path",
    "target",
]

AllowPaths = Literal["inference", "all"]  # what a key says
Opened = Literal["inference", "all", "check"]  # "check": nothing but the key check


class UnknownVendor(NotFound):
    """No vendor of the catalog has that id or alias."""

    code = "unknown-vendor"


class PathNotAllowed(Forbidden):
    """This method and path are not open for this key, or the path is not a plain one."""

    code = "path-not-allowed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a call goes: `path` is put behind the origin, as it is."""

    path: str
    endpoint: Endpoint
    model: str | None  # if the path names it
    auth: Auth  # for this path

    @property
    def query(self) -> str:
        """What the vendor needs in the query; "" almost everywhere."""
        return "&".join(f"{name}={value}" for name, value in self.endpoint.fixed_query)

    def full_query(self, sent: bytes) -> bytes:
        """The client's query as it is, and what the vendor needs that is not in it."""
        if not self.endpoint.fixed_query:
            return sent
        pairs = [pair for pair in sent.split(b"&") if pair]
        names = {unquote_to_bytes(pair.partition(b"=")[0]).lower() for pair in pairs}
        missing = [
            f"{name}={value}".encode()
            for name, value in self.endpoint.fixed_query
            if name.encode() not in names
        ]
        return b"&".join([sent, *missing] if sent else missing)


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
    vendor: Vendor, *, base_path: str, method: str, tail: str, allow_paths: Opened
) -> Target:
    """Where the call goes below the key's base path; `PathNotAllowed` if nowhere.

    `tail` is the raw path after `/api/v1/{vendor}/`, still percent-encoded, no query. The
    path in the answer has no percent sign left: it is the text that was judged.
    """
    return _target(vendor, base_path, method, tail, allow_paths)


@lru_cache(maxsize=1024)  # bots ask for few different paths; 8 MB if they try to fill it
def _target(
    vendor: Vendor, base_path: str, method: str, tail: str, opened: Opened
) -> Target:
    segments = plain_segments(tail)
    if segments is None or method not in (METHODS | {WEBSOCKET}):
        raise PathNotAllowed
    if opened == "check":
        return _check_target(vendor, base_path, method, segments)
    base = split(base_path)
    layout, root = placed(vendor.layouts, vendor.own_paths, base)
    laid_out = _laid_out(vendor, layout, segments)
    path = joined(layout, base, root, segments, laid_out)
    rest = segments[overlap(base, segments) :]
    # The path below the vendor's root in each way that it can be understood. Where the tail
    # begins with the end of the base path, that end may be repeated (`v1` behind `/v1`), so
    # what follows it is looked at by itself too; and the base may hold a part of it.
    shapes = [laid_out or segments, path]
    if rest and rest != segments:
        shapes.insert(1, _laid_out(vendor, layout, rest) or rest)
    # What the base path alone says was the operator's to say.
    own = len(base) if lowered(path[: len(base)]) == lowered(base) else 0
    if any(vendor.closed.close(lowered(shape)) for shape in shapes[:-1]) or (
        vendor.closed.close(lowered(path), behind=own)
    ):
        raise PathNotAllowed
    endpoint, model = _endpoint(vendor, method, shapes, opened)
    return Target(
        path="/" + "/".join(path),
        endpoint=endpoint,
        model=model if endpoint.model_in_path else None,
        auth=endpoint.auth or vendor.auth,
    )


def _check_target(
    vendor: Vendor, base_path: str, method: str, segments: Segments
) -> Target:
    if method != "GET" or segments != split(vendor.models_path.partition("?")[0]):
        raise PathNotAllowed
    path = key_check_path(vendor, base_path=base_path).partition("?")[0]
    return Target(path=path, endpoint=KEY_CHECK, model=None, auth=vendor.auth)


def key_check_path(vendor: Vendor, *, base_path: str) -> str:
    """What to GET to learn whether a key is good: path, and query if there is one."""
    path, mark, query = vendor.models_path.partition("?")
    segments, base = split(path), split(base_path)
    layout, root = placed(vendor.layouts, vendor.own_paths, base)
    laid_out = _laid_out(vendor, layout, segments) or segments
    whole = joined(layout, base, root, segments, laid_out)
    return "/" + "/".join(whole) + mark + query


def _laid_out(vendor: Vendor, layout: Layout, tail: Segments) -> Segments | None:
    """The tail as this vendor lays out its paths, or None if we only know it as it is."""
    known = layout.put(tail)
    if known is not None:
        return known
    if vendor.native_base is not None:
        native = (*vendor.native_base, *tail)
        path = lowered(native)
        if any(e.metered and e.pattern.fits(path) for e in vendor.endpoints):
            return native
    if tail[0].lower() in vendor.path_roots:
        usual = vendor.layouts[0]
        return tail if layout is usual else layout.moved(tail, usual)
    return layout.put_loosely(tail)


def _endpoint(
    vendor: Vendor, method: str, shapes: list[Segments], opened: Opened
) -> tuple[Endpoint, str | None]:
    """The first endpoint that fits, and what its star stands for; or `PathNotAllowed`."""
    everything = opened == "all"
    asked = [e for e in vendor.endpoints if method in e.methods]
    for shape in shapes:
        path = lowered(shape)
        for endpoint in asked:
            if endpoint.pattern.fits(path) and (everything or endpoint.group != "other"):
                return endpoint, endpoint.pattern.starred(shape)
    if not everything:
        raise PathNotAllowed
    # An upstream may serve the same below another root: whatever ends like a metered
    # endpoint is metered as one, or a bot could walk around its quota.
    shape = shapes[-1]
    path = lowered(shape)
    for endpoint in asked:
        size = endpoint.ending.size
        if endpoint.metered and endpoint.ending.fits(path[-size:]):
            return endpoint, endpoint.ending.starred(shape[-size:])
    if method == WEBSOCKET:  # nobody could count what passes through an unknown one
        raise PathNotAllowed
    return UNLISTED, None
