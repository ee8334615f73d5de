"""Builds the HTTP application around a wired system.

The layers from the outside: `Edge` names the request, `PeerLimit` refuses whoever asks too
often, `Bodies` reads and judges the body, `OnceOnly` answers a write that was answered
before, then FastAPI finds the route.
"""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware

from api import (
    accounts,
    api_tokens,
    asyncapi,
    audit,
    audit_proofs,
    auth,
    blast_radius,
    bot_channels,
    bot_diagnosis,
    bot_events,
    bot_lifecycle,
    bot_persona,
    bot_plugins,
    bot_providers,
    bot_routing,
    bot_skills,
    bot_tokens,
    bot_watching,
    bot_workspace,
    bots,
    capability_tags,
    channels,
    codes,
    cost_strategies,
    docs,
    errors,
    explain,
    fallback_chains,
    fleet_admin,
    health,
    invitations,
    invoices,
    live,
    model_prices,
    notifications,
    oidc,
    persona_templates,
    plugins,
    provider_keys,
    quotas,
    routing_dry_run,
    routing_statistics,
    routing_suggest,
    routing_what_if,
    skill_syncs,
    skills,
    teams,
    totp,
    usage,
    vendors,
    webhooks,
)
from api.bodies import Bodies
from api.callers import guarded_policies
from api.doorkeeper import Doorkeeper
from api.edge import Edge
from api.limits import PeerLimit
from api.live_feed import LiveFeed
from api.once_only import OnceOnly
from api.openapi import ControlPlane
from api.policies import routes_of
from api.wired import Rehearsal, Wired

ROUTERS = (
    auth.router,
    accounts.router,
    totp.router,
    oidc.router,
    codes.router,
    api_tokens.router,
    teams.router,
    teams.in_team,
    invitations.router,
    invitations.accepting,
    fleet_admin.router,
    bot_watching.router,
    bot_workspace.router,
    bots.router,
    bot_lifecycle.router,
    bot_tokens.router,
    bot_diagnosis.router,
    bot_plugins.router,
    bot_skills.router,
    bot_persona.router,
    bot_channels.router,
    bot_providers.router,
    bot_events.router,
    provider_keys.router,
    quotas.router,
    usage.router,
    usage.bot_router,
    explain.router,
    model_prices.router,
    fallback_chains.router,
    capability_tags.router,
    cost_strategies.router,
    bot_routing.router,
    routing_dry_run.router,
    routing_suggest.router,
    routing_statistics.router,
    routing_what_if.router,
    notifications.router,
    live.router,
    webhooks.router,
    invoices.router,
    audit.router,
    audit_proofs.router,
    blast_radius.router,
    vendors.router,
    plugins.router,
    persona_templates.router,
    skill_syncs.router,
    skills.router,
    channels.router,
    health.router,
    docs.router,
    asyncapi.router,
)


def create_app(system: Wired, rehearsal: Rehearsal) -> FastAPI:
    """The control plane.

    `BadSetup`: EGRESS_ALLOW holds something that is no origin, or a route has no policy.
    """
    app = ControlPlane(
        title="ClawBotManager",
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(layer) for layer in (Edge, PeerLimit, Bodies, OnceOnly)],
    )
    serve_from(app, system, rehearsal)
    app.state.policies = guarded_policies(ROUTERS)
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app, routes_of(ROUTERS))
    return app


def serve_from(app: FastAPI, system: Wired, rehearsal: Rehearsal) -> None:
    """From here on the application answers from this system."""
    app.state.system = system
    app.state.rehearsal = rehearsal
    app.state.doorkeeper = Doorkeeper(system)
    app.state.live_feed = LiveFeed(system)
