"""What a diagnosis says and advises, by code, in every language that it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

import yaml

Texts = Mapping[str, Mapping[str, str]]  # by code, then by language


def _read() -> Mapping[str, Texts]:
    content: Mapping[str, Texts] = yaml.safe_load(
        files("api").joinpath("diagnosis.yaml").read_text(encoding="utf-8")
    )
    return content


_FILE = _read()
TEXTS: Texts = _FILE["texts"]
ADVICE: Texts = _FILE["advice"]
