"""Which headers of an answer pass to a bot, and what of them."""

from __future__ import annotations

import httpx2

from adapters.relays.masked import masked_headers
from domain.key_mask import KeyMask


def test_headers_pass_as_they_came_but_for_the_secret() -> None:
    named = 'attachment; filename="报告-k3y.pdf"'.encode()
    answer = httpx2.Response(
        200,
        headers=[
            (b"Content-Disposition", named),
            (b"content-disposition", b"second"),
            (b"set-cookie", b"k3y"),
        ],
    )
    names = ("content-disposition", "retry-after")
    passing = masked_headers(answer, names, [KeyMask(b"k3y")])
    assert {name: one.encode("latin-1") for name, one in passing.items()} == {
        "content-disposition": named.replace(b"k3y", b"***")
    }
