"""Layouts: where below a base URL a vendor has the formats of others.

A vendor that speaks OpenAI's or Anthropic's format has it behind some path of its own, and
some vendors have it twice: a plan with its own prices below a path of its own, or one with
and one without `/v1`. Operators paste a base URL that ends anywhere in there. `placed`
reads from that end which layout is meant and where the vendor's root is, so that every
format is found from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from domain.paths import Segments, ends_with, lowered, overlap

_CHATS = {("chat", "completions"), ("completions",), ("embeddings",)}
_MESSAGES = {("messages",), ("messages", "count_tokens")}
_OPENAI_ROOTS = {"models", "images", "audio", "moderations", "files", "rerank", "realtime"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the formats lie behind, below the root; None: not spoken here."""

    openai: Segments | None  # `chat/completions` follows
    anthropic: Segments | None  # `v1/messages` follows
    responses: Segments | None  # `responses` follows: OpenAI's, if nothing else is said
    ends: tuple[Segments, ...] = field(init=False)  # what says that this layout is meant

    def __post_init__(self) -> None:
        ends = [] if self.openai is None else [self.openai]
        if self.anthropic is not None:
            ends += [(*self.anthropic, "v1"), self.anthropic]
        object.__setattr__(self, "ends", tuple(ends))

    def put(self, tail: Segments) -> Segments | None:
        """Where a tail in the style of OpenAI's or Anthropic's SDK lies, if it is one."""
        bare = _without_v1(tail)
        names = lowered(bare)
        if self.anthropic is not None and names in _MESSAGES:
            return (*self.anthropic, "v1", *bare)
        if self.responses is not None and names[:1] == ("responses",):
            return (*self.responses, *bare)
        if self.openai is not None and names in _CHATS:
            return (*self.openai, *bare)
        return None

    def put_loosely(self, tail: Segments) -> Segments | None:
        """The same for OpenAI's paths that a vendor may have itself, with other meaning."""
        bare = _without_v1(tail)
        if self.openai is not None and bare and bare[0].lower() in _OPENAI_ROOTS:
            return (*self.openai, *bare)
        return None

    def moved(self, tail: Segments, usual: Layout) -> Segments:
        """A tail that names the usual layout's place, at this layout's place instead."""
        for was, now in ((usual.openai, self.openai), (usual.anthropic, self.anthropic)):
            if was and now is not None and lowered(tail[: len(was)]) == was:
                return now + tail[len(was) :]
        return tail


def _without_v1(tail: Segments) -> Segments:
    return tail[1:] if tail[0].lower() == "v1" else tail


def placed(
    layouts: Sequence[Layout], own: Iterable[Segments], base: Segments
) -> tuple[Layout, Segments]:
    """The layout that the end of the base path names, and the root above it.

    `own` are the beginnings of the vendor's own paths: they name its root, and the first
    layout. A path that names nothing has the formats right below it, if one of the layouts
    is so; else the first layout is meant. The same goes for no path at all.
    """
    chosen, size = layouts[0], 0
    named = [(end, layout) for layout in layouts for end in layout.ends]
    for end, layout in (*named, *((end, layouts[0]) for end in own)):
        if len(end) > size and ends_with(base, end):
            chosen, size = layout, len(end)
    if base and not size:
        chosen = next((one for one in layouts if one.openai == ()), chosen)
    return chosen, base[: len(base) - size]


def joined(
    layout: Layout,
    base: Segments,
    root: Segments,
    tail: Segments,
    laid_out: Segments | None,
) -> Segments:
    """Base and path as one: what ends the one and begins the other is written once."""
    if laid_out is None:
        return base + tail[overlap(base, tail) :]
    if root != base:
        return root + laid_out[overlap(root, laid_out) :]
    if overlap(base, laid_out):
        return base + laid_out[overlap(base, laid_out) :]
    # A base that ends in a `v1` of nobody's has OpenAI's paths right behind that.
    if laid_out != tail and laid_out in {layout.put(tail), layout.put_loosely(tail)}:
        tail = ("v1", *_without_v1(tail))
    if overlap(base, tail):
        return base + tail[overlap(base, tail) :]
    return base + laid_out
