"""What lies outside is read where the outbound check lets it, and no more than asked."""

from __future__ import annotations

import pytest

from adapters.outside import CheckedOutside
from domain.destinations import DestinationIsNotPublic, UrlIsNotAllowed
from domain.errors import Unavailable
from tests.dripping import dripping
from tests.file_server import serving


def test_what_is_there_is_read_with_its_query() -> None:
    with serving({"/a?x=1+%2F": b"content"}) as server:
        outside = CheckedOutside(egress_allow=(server.url,))
        assert outside.read(f"{server.url}/a", {"x": "1 /"}, most=7) == b"content"
        with pytest.raises(Unavailable):
            outside.read(f"{server.url}/a", {"x": "1 /"}, most=6)
        with pytest.raises(Unavailable):
            outside.read(f"{server.url}/b", {}, most=7)


def test_nothing_inside_is_asked() -> None:
    with serving({"/": b"content"}) as server:
        outside = CheckedOutside(egress_allow=("http://127.0.0.1:9",))
        for url in (server.url, "https://127.0.0.1/", "https://[::1]/", "file:///etc"):
            with pytest.raises(UrlIsNotAllowed):
                outside.read(url, {}, most=9)
        with pytest.raises(DestinationIsNotPublic):
            outside.read("https://localhost/", {}, most=9)
        assert server.asked == []


def test_who_does_not_answer_is_unavailable() -> None:
    with serving({}) as server:
        url = server.url
    with pytest.raises(Unavailable):
        CheckedOutside(egress_allow=(url,)).read(url, {}, most=9)


def test_a_head_that_drips_in_holds_nobody_up() -> None:
    with dripping() as url, pytest.raises(Unavailable):
        CheckedOutside(egress_allow=(url,), seconds=0.2).read(url, {}, most=9)
