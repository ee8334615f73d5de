"""Topics and fields are stored for ever: a change here must be meant."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import fields

import domain
from adapters.event_store import EVENT_MODULES
from domain.events import Event

STORED = {
    "access.refused": ["action", "role"],
    "access.sign_in_refused": ["user_id"],
    "api_token.issued": [
        "team_id",
        "token_id",
        "name",
        "role",
        "by",
        "token_hash",
        "issued_at",
        "expires_at",
    ],
    "api_token.revoked": ["token_id"],
    "bot.channel_removed": ["channel_id"],
    "bot.channel_set": ["channel"],
    "bot.configured": ["image", "resources", "network", "port"],
    "bot.created": ["team_id", "hostname", "name", "runtime", "tags"],
    "bot.deleted": [],
    "bot.features_set": ["features"],
    "bot.persona_set": ["persona"],
    "bot.plugin_installed": ["install"],
    "bot.plugin_removed": ["install_id"],
    "bot.provider_linked": ["link"],
    "bot.provider_unlinked": ["link_id"],
    "bot.quarantined": ["reason"],
    "bot.released": [],
    "bot.renamed": ["name"],
    "bot.restarted": ["generation"],
    "bot.routing_set": ["policy"],
    "bot.skill_installed": ["install"],
    "bot.skill_removed": ["install_id"],
    "bot.started": ["generation"],
    "bot.stopped": [],
    "bot.tagged": ["tags"],
    "bot.token_issued": ["token_hash", "previous_end_at", "kind", "scope"],
    "bot.tokens_revoked": [],
    "call.abandoned": ["facts", "usage", "bookings"],
    "call.admitted": [
        "facts",
        "process_id",
        "secret_version",
        "format",
        "method",
        "path",
        "streaming",
        "request_bytes",
        "input_estimate",
        "changes",
        "holds",
        "routing",
        "passed_over",
        "token_id",
    ],
    "call.corrected": [
        "facts",
        "ended_as",
        "before",
        "now",
        "before_cost_micro_usd",
        "cost_micro_usd",
        "http_status",
        "reason",
        "price_source",
        "model",
        "bookings",
    ],
    "call.extended": ["facts", "holds"],
    "call.refused": ["facts", "code", "hold", "routing", "passed_over"],
    "call.settled": [
        "facts",
        "http_status",
        "usage",
        "cost_micro_usd",
        "price_source",
        "attempts",
        "first_byte_ms",
        "duration_ms",
        "client_left",
        "error",
        "attempt_log",
        "bookings",
    ],
    "claim.released": [],
    "claim.taken": ["holder"],
    "kek.rotation_finished": ["rewrapped", "left"],
    "kek.rotation_started": ["kek_id", "records"],
    "model_price.removed": [],
    "model_price.set": ["team_id", "vendor", "model", "rates"],
    "persona_shelf.template_removed": ["team_id", "id"],
    "persona_shelf.template_set": ["team_id", "id", "template"],
    "plugin_shelf.plugin_removed": ["team_id", "slug"],
    "plugin_shelf.plugin_set": ["team_id", "plugin", "label"],
    "provider_key.added": [
        "team_id",
        "vendor",
        "label",
        "base_url",
        "origin",
        "tags",
        "models",
        "allow_paths",
        "secret_version",
        "last4",
    ],
    "provider_key.check_requested": ["check_id"],
    "provider_key.checked": ["check_id", "verdict", "http_status", "error"],
    "provider_key.cooled": ["until", "verdict"],
    "provider_key.died": ["http_status", "error"],
    "provider_key.disabled": [],
    "provider_key.edited": ["label", "tags", "models", "allow_paths"],
    "provider_key.enabled": [],
    "provider_key.parked": ["http_status", "error"],
    "provider_key.recovered": [],
    "provider_key.removed": [],
    "provider_key.rotated": ["secret_version", "last4", "previous_end_at"],
    "provider_key.secret_retired": ["secret_version"],
    "quota.edited": ["limit", "warn_at_permille", "mode"],
    "quota.raised": ["by", "until"],
    "quota.removed": [],
    "quota.set": [
        "team_id",
        "scope",
        "metric",
        "window",
        "limit",
        "time_zone",
        "warn_at_permille",
        "mode",
    ],
    "quota_window.exhausted": [
        "quota_id",
        "window_start",
        "window_end",
        "limit",
        "settled",
        "held",
    ],
    "quota_window.warned": [
        "quota_id",
        "window_start",
        "window_end",
        "limit",
        "warn_at_permille",
        "settled",
    ],
    "routing_shelf.chain_set": ["team_id", "chain", "label"],
    "routing_shelf.entry_removed": ["team_id", "kind", "id"],
    "routing_shelf.strategy_set": ["team_id", "strategy", "label"],
    "routing_shelf.tag_set": ["team_id", "tag", "label"],
    "run.observed": ["bot_id", "observation"],
    "session.ended": ["reason"],
    "session.refreshed": ["refresh_hash", "expires_at"],
    "session.started": ["user_id", "team_id", "refresh_hash", "expires_at", "epoch"],
    "skill.approved": ["team_id", "id", "number"],
    "skill.recalled": ["team_id", "content_hash", "reason"],
    "skill.removed": ["team_id", "id"],
    "skill.set": ["team_id", "facts", "version"],
    "skill.synced": ["team_id", "report"],
    "skill_content.kept": ["team_id", "content_hash", "content"],
    "team.created": ["name"],
    "team.invitation_accepted": ["invitation_id", "user_id"],
    "team.invitation_made": ["invitation_id", "role", "expires_at", "by", "address_hash"],
    "team.invitation_revoked": ["invitation_id"],
    "team.member_added": ["user_id", "role"],
    "team.member_removed": ["user_id"],
    "team.renamed": ["name"],
    "team.role_changed": ["user_id", "role"],
    "user.code_used": ["step"],
    "user.joined_team": ["team_id"],
    "user.left_team": ["team_id"],
    "user.made_operator": [],
    "user.no_longer_operator": [],
    "user.password_changed": ["kept"],
    "user.profile_changed": [],
    "user.registered": ["team_id"],
    "user.totp_confirmed": [],
    "user.totp_offered": [],
    "user.totp_removed": [],
}


def test_stored_events_keep_their_shape() -> None:
    ours = {
        topic: [field.name for field in fields(event)]
        for topic, event in sorted(Event.by_topic.items())
        if event.__module__.startswith("domain.")
    }
    assert ours == STORED


def test_every_module_that_defines_an_event_is_known_to_the_event_store() -> None:
    for module in pkgutil.iter_modules(domain.__path__):
        importlib.import_module(f"domain.{module.name}")
    homes = {
        event.__module__
        for event in Event.by_topic.values()
        if event.__module__.startswith("domain.")
    }
    assert homes == {module.__name__ for module in EVENT_MODULES}
