"""What the providers of accounts are called, in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from api.locales import Languages


def provider_name(name: str, languages: Languages) -> str:
    """As people know it; a provider that only the operator knows, by its own name."""
    texts = _texts().get(name)
    return name.capitalize() if texts is None else languages.of(texts)


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    content: Mapping[str, Mapping[str, str]] = yaml.safe_load(
        (files("api") / "sign_in_providers.yaml").read_text(encoding="utf-8")
    )
    return content
