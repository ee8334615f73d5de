"""What a diagnosis says and advises, by code, in every language that it is written in."""

from __future__ import annotations

from collections.abc import Mapping

from api.shipped_texts import shipped

Texts = Mapping[str, Mapping[str, str]]  # by code, then by language


_FILE: Mapping[str, Texts] = shipped("diagnosis.yaml")
TEXTS: Texts = _FILE["texts"]
ADVICE: Texts = _FILE["advice"]
