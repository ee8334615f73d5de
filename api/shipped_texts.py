"""The YAML files of texts beside this module, in the languages that there are."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

# The one in C is many times faster; a PyYAML built without libyaml lacks it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def shipped(name: str) -> Any:
    """What the file of that name says."""
    return yaml.load((files("api") / name).read_bytes(), Loader=_SafeLoader)  # noqa: S506
