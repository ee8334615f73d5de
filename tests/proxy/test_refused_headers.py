"""Our own headers on answers that are refusals: what is known of the call by then."""

from __future__ import annotations

import pytest

from domain.calls import CallRefused
from domain.quota_events import Metric
from domain.routing_policy import Direct
from tests.journeys.plane import DataPlane, link_to, new_model
from tests.proxy.routes import routed, target
from tests.proxy.test_budgets import limit


def test_a_quotas_refusal_names_vendor_and_model(data_plane: DataPlane) -> None:
    bot, model = data_plane.new_bot(), new_model()
    limit(data_plane, bot, 0, Metric.REQUESTS)
    refused = data_plane.chat(bot, model)
    assert refused.status_code == 429
    assert refused.headers["x-clawbot-vendor"] == "openai"
    assert refused.headers["x-clawbot-model"] == model


def test_a_quotas_refusal_of_a_routed_call_names_the_target(data_plane: DataPlane) -> None:
    there = target("google")
    bot = routed(data_plane, Direct(target=there))
    limit(data_plane, bot.bot, 0, Metric.REQUESTS)
    refused = bot.ask()
    assert refused.status_code == 429
    assert refused.headers["x-clawbot-vendor"] == "google"
    assert refused.headers["x-clawbot-model"] == there.model


@pytest.mark.parametrize("vendor", ["google", "openai"])
def test_a_refusal_names_the_model_wherever_it_stands(
    data_plane: DataPlane, vendor: str
) -> None:
    bot = data_plane.new_bot(links=(link_to(data_plane.key_of("custom")),))
    path, body = {
        "google": ("v1beta/models/gemini-2.5-flash:generateContent", {"contents": []}),
        "openai": ("v1/chat/completions", {"model": "gpt-5-mini", "messages": []}),
    }[vendor]
    refused = data_plane.client.post(
        f"{data_plane.url}/{vendor}/{path}", json=body, headers=bot.bearer
    )
    assert refused.status_code == 403, refused.text
    model = {"google": "gemini-2.5-flash", "openai": "gpt-5-mini"}[vendor]
    assert refused.headers["x-clawbot-model"] == model
    assert data_plane.only(bot, CallRefused).facts.requested_model == model
