"""What each route is sent where it needs a body, in the walks over all of them."""

from __future__ import annotations

from uuid import uuid4

NEW_BOT = {"name": "Ada", "hostname": "ada-1"}
NEW_LINK = {"vendor": "openai"}
NEW_KEY = {"vendor": "openai", "label": "Main", "secret": "sk-0123456789abcdef"}
NEW_PRICE = {
    "vendor": "openai",
    "model": "my-model",
    "input_micro_usd": 1,
    "output_micro_usd": 2,
}
GPT = {"vendor": "openai", "model": "gpt-5"}
NEW_CHAIN = {"name": "Ours", "steps": [GPT]}
NEW_TAG = {"name": "Ours", "models": [GPT]}
NEW_STRATEGY = {"name": "Ours", "weights": {"cost": 1}, "models": [GPT]}
TIME = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}
NEW_RATES = {"input_micro_usd": 1, "output_micro_usd": 2}
NEW_QUOTA = {
    "scope": {"kind": "team"},
    "metric": "tokens",
    "window": "day",
    "limit": 1000,
}
NEW_SKILL = {"name": "ours", "kind": "markdown", "definition": "# Ours"}
NEW_TEMPLATE = {"name": "Ours"}
NEW_PLUGIN = {"name": "Ours", "stdio": {"command": "node", "args": ["ours.js"]}}
NEW_CHANNEL = {"channel_type": "webchat", "name": "Ours"}
NEW_WEBHOOK = {"url": "https://hooks.example.com/ours"}
NEW_INVOICE = {
    "vendor": "openai",
    "format": "generic",
    "content": "date,model,input_tokens,output_tokens,cost_usd\n2026-11-01,gpt-5,1,2,0.5\n",
}
HASH = {"content_hash": "0" * 64}
BODIES = {
    ("POST", "/api/invoice"): NEW_INVOICE,
    ("POST", "/api/skill"): NEW_SKILL,
    ("PUT", "/api/skill/{skill_id}"): NEW_SKILL,
    ("POST", "/api/skill/{skill_id}/approve"): HASH,
    ("POST", "/api/skill/recall"): HASH | {"reason": "It leaks."},
    ("POST", "/api/skill/sync"): {
        "source": "openclaw-list",
        "document": "- [x](https://example.com/a/x/SKILL.md)",
    },
    ("POST", "/api/persona-template"): NEW_TEMPLATE,
    ("PUT", "/api/persona-template/{template_id}"): NEW_TEMPLATE,
    ("POST", "/api/plugin"): NEW_PLUGIN | {"slug": "ours"},
    ("PUT", "/api/plugin/{plugin_id}"): NEW_PLUGIN,
    ("POST", "/api/bot/{hostname}/channels"): NEW_CHANNEL,
    ("PUT", "/api/bot/{hostname}/channels/{channel_id}"): {"name": "Ours"},
    ("POST", "/api/bot/{hostname}/channels/{channel_id}/connection"): {"action": "connect"},
    ("POST", "/api/bot/{hostname}/plugins"): {"plugin_id": "time"},
    ("PUT", "/api/bot/{hostname}/plugins/{install_id}"): {},
    ("POST", "/api/bot/{hostname}/skills"): {"skill_id": "ours"},
    ("PUT", "/api/bot/{hostname}/persona"): NEW_TEMPLATE,
    ("PUT", "/api/bot/{hostname}/skills/{install_id}"): {},
    ("POST", "/api/api-token"): {"name": "CI", "role": "viewer"},
    ("PATCH", "/api/auth/me"): {"locale": "zh-CN"},
    ("POST", "/api/auth/password"): {"old_password": "wrong", "password": "new"},
    ("POST", "/api/auth/erase"): {"password": "wrong"},
    ("POST", "/api/auth/totp"): {"password": "wrong"},
    ("POST", "/api/auth/totp/confirm"): {"code": "000000"},
    ("DELETE", "/api/auth/totp"): {"password": "wrong"},
    ("POST", "/api/auth/mobile"): {"mobile": "+491511234567", "password": "wrong"},
    ("POST", "/api/auth/mobile/confirm"): {"mobile": "+491511234567", "code": "00000000"},
    ("POST", "/api/auth/oidc/{provider}/link"): {"password": "wrong"},
    ("POST", "/api/team"): {"name": "Ours"},
    ("PATCH", "/api/team/{team_id}"): {"name": "Ours"},
    ("POST", "/api/team/{team_id}/member"): {"user_id": str(uuid4()), "role": "viewer"},
    ("PATCH", "/api/team/{team_id}/member/{user_id}"): {"role": "viewer"},
    ("POST", "/api/team/{team_id}/invitation"): {"role": "viewer"},
    ("POST", "/api/routing/fallback-chains"): NEW_CHAIN | {"id": "ours"},
    ("PUT", "/api/routing/fallback-chains/{entry_id}"): NEW_CHAIN,
    ("POST", "/api/routing/capability-tags"): NEW_TAG | {"id": "ours"},
    ("PUT", "/api/routing/capability-tags/{entry_id}"): NEW_TAG,
    ("POST", "/api/routing/cost-strategies"): NEW_STRATEGY | {"id": "ours"},
    ("PUT", "/api/routing/cost-strategies/{entry_id}"): NEW_STRATEGY,
    ("POST", "/api/bot/{hostname}/routing/test"): {"body": {"model": "auto"}},
    ("POST", "/api/routing/what-if"): TIME,
    ("PUT", "/api/bot/{hostname}/routing"): {"mode": "direct", "target": None},
    ("POST", "/api/routing/model-prices"): NEW_PRICE,
    ("PUT", "/api/routing/model-prices/{price_id}"): NEW_RATES,
    ("POST", "/api/bot"): NEW_BOT,
    ("POST", "/api/bot/{hostname}/providers"): NEW_LINK,
    ("PUT", "/api/bot/{hostname}/providers/{link_id}"): NEW_LINK,
    ("PATCH", "/api/bot/{hostname}"): {},
    ("PATCH", "/api/provider-key/{key_id}"): {},
    ("POST", "/api/provider-key"): NEW_KEY,
    ("POST", "/api/webhook"): NEW_WEBHOOK,
    ("POST", "/api/notification/read"): {"all": True},
    ("PUT", "/api/notification/preferences"): {"muted": []},
    ("POST", "/api/quota"): NEW_QUOTA,
    ("PATCH", "/api/quota/{quota_id}"): {},
    ("POST", "/api/provider-key/verify"): {"vendor": "openai", "secret": "sk-0123"},
    ("POST", "/api/provider-key/{key_id}/rotate"): {"secret": "sk-0123456789"},
}
