"""Names of models, as vendors write one model in several ways.

Who asks for `gpt-5` is answered by `gpt-5-2025-08-07`, who asks for `mistral-large-latest`
by `mistral-large-2411`: the same name, with a date or a number at its end, or `latest`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_AT_THE_END = re.compile(
    r"[-@](?:latest|\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d|\d{8}|\d{6}|\d{3,4})$"
)


@lru_cache(maxsize=4096)  # much the same names again and again
def undated(model: str) -> str:
    """The name without what tells one version of the model from another, in lower case."""
    name = model.lower()
    return _AT_THE_END.sub("", name) or name
