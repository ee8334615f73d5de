"""A body that is made to fit its target: what does not change keeps its bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.fitting import fitted
from proxy.incoming import read_json


@given(
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=6),
    st.text(min_size=1, max_size=20).filter(str.isprintable),
)
def test_only_the_model_of_a_body_changes(fields: dict[str, Any], model: str) -> None:
    for asked_for in ({}, {"model": "auto"}):
        before = fields | asked_for
        body, _ = fitted(json.dumps(before, ensure_ascii=False).encode(), model)
        assert json.loads(body) == before | {"model": model}
        assert read_json(body).model == model


def test_what_stands_beside_the_model_keeps_its_bytes() -> None:
    body = b'{ "n": 1.50e3 ,"model" : "auto", "t":"\\u00e9\\/", "o": {"b": 1, "a":[ ]} }'
    changed, told = fitted(body, "m")
    assert told == ("model",)
    assert changed == b'{"n":1.50e3,"model":"m","t":"\\u00e9\\/","o":{"b": 1, "a":[ ]}}'
