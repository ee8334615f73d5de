"""What the providers of accounts are called, in the language of whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from api.locales import Languages
from api.shipped_texts import shipped


def provider_name(name: str, languages: Languages) -> str:
    """As people know it; a provider that only the operator knows, by its own name."""
    texts = _texts().get(name)
    return name.capitalize() if texts is None else languages.of(texts)


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    content: Mapping[str, Mapping[str, str]] = shipped("sign_in_providers.yaml")
    return content
