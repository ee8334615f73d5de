"""Container images: how they are named, which a bot may run, and what kind one is.

A reference is `[registry[:port]/]path[:tag][@sha256:…]`, as the OCI distribution
specification spells it. The allow-list holds names, globs over names (`clawbot/*`) or
digests; a name without a tag allows every tag of it.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from domain.errors import InvalidFields

LONGEST = 255
DIGEST_LENGTH = 64
LONGEST_TAG = 128

_PART = frozenset(string.ascii_lowercase + string.digits + "._-")
_HOST = frozenset(string.ascii_letters + string.digits + ".-:")
_TAG = frozenset(string.ascii_letters + string.digits + "._-")
_HEX = frozenset("0123456789abcdef")


class ImageFamily(StrEnum):
    """How the folders of a bot are laid out inside its container."""

    OPENCLAW = "openclaw"
    PLAIN = "plain"


@dataclass(frozen=True, kw_only=True)
class Image:
    """A reference, read."""

    name: str  # with the registry, if there is one
    tag: str | None
    digest: str | None  # `sha256:…`

    @property
    def family(self) -> ImageFamily:
        """By the last part of its name."""
        last = self.name.rsplit("/", 1)[-1]
        return ImageFamily.OPENCLAW if "openclaw" in last else ImageFamily.PLAIN


def image_of(reference: str) -> Image:
    """The reference, read; refused if it is none."""
    rest, _, digest = reference.partition("@")
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:  # what stands behind the colon was a port
        name, tag = rest, ""
    parts = name.split("/")
    looks_like_host = len(parts) > 1 and ("." in parts[0] or ":" in parts[0])
    path = parts[1:] if looks_like_host else parts
    is_well_formed = (
        len(reference) <= LONGEST
        and (not looks_like_host or (set(parts[0]) <= _HOST and parts[0][0].isalnum()))
        and all(part and set(part) <= _PART and part[0].isalnum() for part in path)
        and (not tag or (set(tag) <= _TAG and len(tag) <= LONGEST_TAG))
        and (not colon or name == rest or bool(tag))
        and ("@" not in reference or _is_digest(digest))
    )
    if not is_well_formed:
        raise InvalidFields(image="not-an-image")
    return Image(name=name, tag=tag or None, digest=digest or None)


def is_allowed(reference: str, allowed: tuple[str, ...]) -> bool:
    """Whether the allow-list names the image, by glob, name, tag or digest."""
    image = image_of(reference)
    tagged = f"{image.name}:{image.tag or 'latest'}"
    return any(
        entry in {image.digest, reference}
        or fnmatchcase(image.name, entry)
        or fnmatchcase(tagged, entry)
        for entry in allowed
    )


def _is_digest(text: str) -> bool:
    algorithm, _, value = text.partition(":")
    return algorithm == "sha256" and len(value) == DIGEST_LENGTH and set(value) <= _HEX
