"""What the control plane says of itself: routes on a page, events in a catalog."""

from __future__ import annotations

import re

from domain.events import Event
from tests.api.front import Front


def test_every_event_that_is_recorded_is_in_the_catalog(front: Front) -> None:
    document = front.client.get("/api/asyncapi.json").json()
    assert document["asyncapi"] == "3.0.0"
    ours = {
        topic
        for topic, event in Event.by_topic.items()
        if event.__module__.startswith("domain.")
    }
    assert set(document["components"]["messages"]) == ours
    listed = {
        topic for channel in document["channels"].values() for topic in channel["messages"]
    }
    assert listed == ours


def test_no_reference_of_the_catalog_leads_nowhere(front: Front) -> None:
    answer = front.client.get("/api/asyncapi.json")
    document = answer.json()
    for reference in set(re.findall(r'"\$ref":\s*"#/([^"]+)"', answer.text)):
        place = document
        for name in reference.split("/"):
            place = place[name]


def test_a_call_is_in_its_own_log(front: Front) -> None:
    channels = front.client.get("/api/asyncapi.json").json()["channels"]
    assert channels["call"]["address"] == "calls/call/{stream_id}"
    assert channels["bot"]["address"] == "fleet/bot/{stream_id}"


def test_every_route_is_on_the_page_which_needs_no_other_host(front: Front) -> None:
    answer = front.client.get("/api/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    for path in front.client.get("/api/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in answer.text


def test_a_route_on_the_page_says_what_it_takes(front: Front) -> None:
    text = front.client.get("/api/docs").text
    create = text[text.index('<span class="m">post</span> <code>/api/bot</code>') :]
    assert "<code>hostname</code>" in create[: create.index("</details>")]
