"""Asks where a call goes, of the vendors that we ship."""

from adapters.catalog.loader import load_catalog
from domain.catalog import AllowPaths, Target, target

CATALOG = load_catalog()


def go(
    vendor: str,
    tail: str,
    base: str = "",
    method: str = "POST",
    allow: AllowPaths = "inference",
) -> Target:
    return target(
        CATALOG.get(vendor), base_path=base, method=method, tail=tail, allow_paths=allow
    )
