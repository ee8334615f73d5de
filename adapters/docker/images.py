"""Which image a bot's container is made from: one that is allowed, and is there.

A container is made from the image's own id, so that what was judged is what runs even if
the name has come to mean another image since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker import APIClient

from adapters.docker.failures import asked_to_run
from application.engines import CannotRun
from domain.images import is_allowed


def allowed_image(client: APIClient, reference: str, allowed: tuple[str, ...]) -> str:
    """The id; `CannotRun` if the image is not allowed, by name or digest, or not there."""
    return str(_allowed(client, reference, allowed)["Id"])


def pinned_image(client: APIClient, reference: str, allowed: tuple[str, ...]) -> str:
    """The same as any node can find it: by its digest in a registry, if it is from one."""
    image = _allowed(client, reference, allowed)
    return str(next(iter(image.get("RepoDigests") or ()), image["Id"]))


def _allowed(
    client: APIClient, reference: str, allowed: tuple[str, ...]
) -> Mapping[str, Any]:
    by_name = is_allowed(reference, allowed)
    if not by_name and not any(entry.startswith("sha256:") for entry in allowed):
        raise CannotRun("image-not-allowed", reference)
    with asked_to_run():
        image: Mapping[str, Any] = client.inspect_image(reference)
    digests = {named.rpartition("@")[2] for named in image.get("RepoDigests") or ()}
    if not by_name and not digests & set(allowed) and image["Id"] not in allowed:
        raise CannotRun("image-not-allowed", reference)
    return image
