"""Narrowed tokens and quarantine, on real calls."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from application.bot_lifecycle import QuarantineBot, ReleaseBot, RevokeBotTokens
from application.bots import IssueBotToken
from domain.bot_events import TokenScope
from domain.calls import CallAdmitted
from domain.routing_policy import Direct
from projections.bot_tokens import token_id
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model, new_token
from tests.journeys.proxy_process import until
from tests.proxy.routes import Routed, routed, target


def narrowed(plane: DataPlane, bot: TestBot, scope: TokenScope) -> TestBot:
    """The bot with a new token of that scope; the old one has ended."""
    token = new_token()
    issued = IssueBotToken(
        team_id=plane.team_id,
        hostname=bot.hostname,
        token_hash=plane.token_hash(token),
        previous_end_at=datetime.now(UTC),
        scope=scope,
    )
    plane.control.bus.handle(issued, by=plane.by)
    return TestBot(bot_id=bot.bot_id, hostname=bot.hostname, token=token)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_narrowed_token_calls_its_models_only(
    data_plane: DataPlane, bot: TestBot
) -> None:
    mine, other = new_model(), new_model()
    narrow = narrowed(data_plane, bot, TokenScope(models=(mine,)))
    assert data_plane.chat(narrow, mine).status_code == 200
    assert code_of(data_plane.chat(narrow, other)) == (403, "no-usable-key")
    assert data_plane.ledger(other) == []


def test_a_narrowed_token_calls_its_vendors_only(
    data_plane: DataPlane, bot: TestBot
) -> None:
    narrow = narrowed(data_plane, bot, TokenScope(vendors=("anthropic",)))
    model = new_model()
    assert code_of(data_plane.chat(narrow, model)) == (403, "no-usable-key")
    assert data_plane.ledger(model) == []


def test_a_narrowed_token_calls_its_paths_only(data_plane: DataPlane, bot: TestBot) -> None:
    narrow = narrowed(data_plane, bot, TokenScope(paths=("chat/completions",)))
    assert data_plane.chat(narrow, new_model()).status_code == 200
    refused = data_plane.client.post(
        f"{data_plane.url}/openai/v1/embeddings",
        json={"model": new_model(), "input": "x"},
        headers=narrow.bearer,
    )
    assert code_of(refused) == (403, "path-not-allowed")


def test_auto_does_not_get_round_a_narrowed_token(
    data_plane: DataPlane, bot: TestBot
) -> None:
    mine, other = new_model(), new_model()
    narrow = narrowed(
        data_plane, bot, TokenScope(models=(mine,), vendors=("openai",), paths=("chat/*",))
    )

    def auto(model: str, tail: str = "chat/completions") -> httpx.Response:
        return data_plane.client.post(
            f"{data_plane.url}/auto/{tail}", json=chat_body(model), headers=narrow.bearer
        )

    assert auto(other).status_code >= 400
    assert auto(mine, "responses").status_code == 403
    assert data_plane.ledger(other) == []


def test_a_policy_that_leads_elsewhere_does_not_widen_a_narrowed_token(
    data_plane: DataPlane,
) -> None:
    mine, other = target(), target("anthropic")
    asked = routed(data_plane, Direct(target=other), mine)
    narrow = narrowed(data_plane, asked.bot, TokenScope(models=(mine.model,)))
    refused = Routed(plane=data_plane, bot=narrow).ask()
    assert code_of(refused) == (403, "no-usable-key")
    assert data_plane.ledger(other.model) == []


def test_a_call_says_whose_token_it_came_with(data_plane: DataPlane, bot: TestBot) -> None:
    assert data_plane.chat(bot, new_model()).status_code == 200
    admitted = data_plane.only(bot, CallAdmitted)
    assert admitted.token_id == token_id(data_plane.token_hash(bot.token))


def test_quarantine_cuts_the_tokens_and_release_gives_them_back(
    data_plane: DataPlane, bot: TestBot
) -> None:
    team_id, hostname = data_plane.team_id, bot.hostname
    assert data_plane.chat(bot, new_model()).status_code == 200
    cut = QuarantineBot(team_id=team_id, hostname=hostname, reason="odd")
    data_plane.control.bus.handle(cut, by=data_plane.by)
    until(lambda: data_plane.chat(bot, new_model()).status_code == 401)
    released = ReleaseBot(team_id=team_id, hostname=hostname)
    data_plane.control.bus.handle(released, by=data_plane.by)
    until(lambda: data_plane.chat(bot, new_model()).status_code == 200)


def test_revoked_tokens_are_refused(data_plane: DataPlane, bot: TestBot) -> None:
    assert data_plane.chat(bot, new_model()).status_code == 200
    revoked = RevokeBotTokens(team_id=data_plane.team_id, hostname=bot.hostname)
    data_plane.control.bus.handle(revoked, by=data_plane.by)
    until(lambda: data_plane.chat(bot, new_model()).status_code == 401)
