"""Which models a bot may ask for, and in which order, as OpenClaw names them.

Providers have ids of our own: under a vendor's well-known id OpenClaw rewrites names of
models and calls ones that nobody allowed. Each leads to the proxy, with the bot's token.
"""

from __future__ import annotations

from typing import Any

from domain.workspace.facts import Api, ModelChoice, VendorChoice, WorkspaceFacts
from domain.workspace.texts import check_line

PREFIX = "cbm-"
AUTO = "auto"
SECONDS = 300
MOST_FALLBACKS = 5

_AUTO = VendorChoice(vendor=AUTO, api=Api.OPENAI, models=(ModelChoice(id=AUTO),))


def asked(facts: WorkspaceFacts) -> tuple[VendorChoice, ...]:
    """The vendors to ask, the first one first; `auto` if a policy says where that goes."""
    useful = tuple(vendor for vendor in facts.vendors if vendor.models)
    return (_AUTO, *useful) if facts.routed and useful else useful


def references(facts: WorkspaceFacts) -> list[str]:
    """Every model as `provider/model`, without doubles."""
    return list(
        dict.fromkeys(
            _reference(choice, model) for choice in asked(facts) for model in choice.models
        )
    )


def choice_of_models(facts: WorkspaceFacts) -> dict[str, Any]:
    """The model to ask first, and what to ask when it fails: one of each vendor first."""
    firsts = [_reference(choice, choice.models[0]) for choice in asked(facts)]
    order = list(dict.fromkeys([*firsts, *references(facts)]))
    if not order:
        return {}
    return {"primary": order[0], "fallbacks": order[1 : 1 + MOST_FALLBACKS]}


def providers(facts: WorkspaceFacts, token: Any) -> dict[str, Any]:
    """`models.providers`; `token` is the reference to the bot's token."""
    return {
        PREFIX + choice.vendor: {
            "baseUrl": vendor_url(facts, choice),
            "api": choice.api.value,
            "timeoutSeconds": SECONDS,
            "apiKey": token,
            "models": [_model(choice, model) for model in choice.models],
        }
        for choice in asked(facts)
    }


def vendor_url(facts: WorkspaceFacts, choice: VendorChoice) -> str:
    """Where the proxy takes calls to the vendor."""
    return f"{facts.proxy_url}/api/v1/{choice.vendor}"


def _reference(choice: VendorChoice, model: ModelChoice) -> str:
    return f"{PREFIX}{choice.vendor}/{check_line('providers.models', model.id)}"


def _model(choice: VendorChoice, model: ModelChoice) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": model.id,
        "name": model.id,
        "input": ["text", "image"] if model.images else ["text"],
        "reasoning": False,
        "contextWindow": model.context_window,
        "maxTokens": min(model.max_tokens, model.context_window),
    }
    if model.api is not None and model.api is not choice.api:
        described["api"] = model.api.value
    if (model.api or choice.api) is Api.OPENAI:
        # Without it a private address is never asked for usage, and none comes back.
        compat: dict[str, Any] = {"supportsUsageInStreaming": True}
        if choice.old_max_tokens:
            compat["maxTokensField"] = "max_tokens"
        described["compat"] = compat
    return described
