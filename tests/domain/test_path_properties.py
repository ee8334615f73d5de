"""What holds for every vendor that we ship, every base URL and whatever a bot writes."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog import METHODS, PathNotAllowed, Vendor, target
from tests.domain.going import CATALOG, go

SEGMENTS = st.one_of(
    st.sampled_from(
        [
            "v1",
            "v1beta",
            "openai",
            "chat",
            "completions",
            "messages",
            "models",
            "m:generateContent",
            "responses",
            "files",
            "embeddings",
            "organization",
            "api_keys",
            "billing",
            "keys",
            "api",
            "pull",
            "delete",
            "anthropic",
            "generate",
            "upload",
            "x",
            "..",
            ".",
            "%2e%2e",
            "%2F",
            "@",
            "gw",
        ]
    ),
    st.text(max_size=6),
    st.text(max_size=3).map(lambda text: quote(text, safe="")),
)
TAILS = st.lists(SEGMENTS, max_size=6).map("/".join)
BASES = st.sampled_from(
    [
        "",
        "/v1",
        "/gw",
        "/gw/v1",
        "/v1beta",
        "/v1beta/openai",
        "/chat",
        "/v1/v1",
        "/a/models",
        "/api",
        "/api/v1",
        "/openai/v1",
        "/anthropic",
        "/api/coding/v3",
        "/inference/v1",
        "/step_plan",
    ]
)
CLOSED_FOR_ALL = [
    "admin/x",
    "api_keys",
    "billing/usage",
    "credentials",
    "keys",
    "oauth/token",
    "organization/users",
    "secrets/s",
    "service-accounts",
    "webhooks",
]
VENDORS = st.sampled_from(CATALOG.all())


@settings(max_examples=600)
@given(VENDORS, BASES, st.sampled_from(sorted(METHODS)), TAILS)
def test_whatever_is_accepted_stays_below_the_base_and_is_plain(
    vendor: Vendor, base: str, method: str, tail: str
) -> None:
    try:
        found = target(vendor, base_path=base, method=method, tail=tail, allow_paths="all")
    except PathNotAllowed:
        return
    path = found.path
    assert re.fullmatch(r"(/[A-Za-z0-9._~:+,=-]+)+", path)
    assert not {".", ".."} & set(path.split("/"))
    assert f"{path}/".startswith(tuple(root + "/" for root in roots(vendor, base)))
    added = path.removeprefix(base).lower().split("/")
    assert not {"organization", "api_keys", "billing", "keys"} & set(added)
    if vendor.id == "ollama":
        assert not path.lower().endswith(("api/pull", "api/delete"))


def roots(vendor: Vendor, base: str) -> set[str]:
    """The base path, and what is left of it without an end that names a format."""
    named = {end for layout in vendor.layouts for end in layout.ends} | {*vendor.own_paths}
    ends = {"/" + "/".join(end) for end in named if end}
    return {base, *(base.removesuffix(end) for end in ends)}


@settings(max_examples=400)
@given(VENDORS, BASES, st.sampled_from(["GET", "POST"]), TAILS)
def test_what_is_open_for_inference_is_listed_and_leads_to_the_same_with_all(
    vendor: Vendor, base: str, method: str, tail: str
) -> None:
    try:
        found = target(
            vendor, base_path=base, method=method, tail=tail, allow_paths="inference"
        )
    except PathNotAllowed:
        return
    assert found.endpoint in vendor.endpoints
    assert found.endpoint.group != "other"
    assert method in found.endpoint.methods
    opened = target(vendor, base_path=base, method=method, tail=tail, allow_paths="all")
    assert opened.path == found.path
    assert opened.endpoint.metered == found.endpoint.metered


@settings(max_examples=300)
@given(VENDORS, BASES, st.sampled_from(["chat/completions", "embeddings", "messages"]))
def test_a_tail_with_and_without_v1_goes_the_same_way(
    vendor: Vendor, base: str, tail: str
) -> None:
    if tail == "messages" and vendor.layouts[0].anthropic is None:
        return
    if (vendor.id, tail) == ("anthropic", "embeddings"):
        return
    bare, with_v1 = go(vendor.id, tail, base), go(vendor.id, f"v1/{tail}", base)
    assert bare.path == with_v1.path
    assert bare.endpoint is with_v1.endpoint


@settings(max_examples=200)
@given(VENDORS, BASES, st.sampled_from(["v1", "api", "gw", "api/v1", "x/y"]), st.data())
def test_no_root_opens_what_is_closed(
    vendor: Vendor, base: str, above: str, data: st.DataObject
) -> None:
    closed = data.draw(st.sampled_from(CLOSED_FOR_ALL))
    for tail in (closed, f"{above}/{closed}", f"{above}/{closed}/x", closed.upper()):
        with pytest.raises(PathNotAllowed):
            target(vendor, base_path=base, method="POST", tail=tail, allow_paths="all")
