"""What others build against, as tables: paths, statuses, fields and names that stay."""

from __future__ import annotations

FIXED = """
POST 201 /api/auth/register
POST 200 /api/auth/login
POST 200 /api/auth/refresh
POST 204 /api/auth/logout
GET PATCH 200 /api/auth/me
POST 204 /api/auth/password
POST 204 /api/auth/password/reset
POST 204 /api/auth/password/reset/confirm
GET 200 /api/auth/session
DELETE 204 /api/auth/session/{}
POST 201 /api/auth/totp
POST 200 /api/auth/totp/confirm
DELETE 204 /api/auth/totp
GET 302 /api/auth/oidc/{}/start
POST 204 /api/auth/code
POST 200 /api/auth/code/verify
GET 200 /api/auth/oidc/{}/callback
GET 200 /api/team /api/team/{} /api/team/{}/member
POST 201 /api/team /api/team/{}/member /api/team/{}/invitation
PATCH 200 /api/team/{} /api/team/{}/member/{}
DELETE 204 /api/team/{}/member/{}
POST 201 /api/invitation/{}/accept
GET 200 /api/api-token
POST 201 /api/api-token
DELETE 204 /api/api-token/{}
GET 200 /api/bot /api/bot/{} /api/bot/stats
POST 201 /api/bot
PATCH 200 /api/bot/{}
DELETE 204 /api/bot/{}
POST 202 /api/bot/{}/start /api/bot/{}/stop /api/bot/{}/restart
POST 202 /api/bot/{}/quarantine /api/bot/{}/release
POST 200 /api/bot/{}/token /api/bot/{}/diagnose
GET 200 /api/bot/{}/logs /api/bot/{}/stats /api/bot/{}/workspace /api/bot/{}/events
GET 200 /api/bot/admin/orphans
POST 200 /api/bot/admin/cleanup
GET 200 /api/bot/{}/providers /api/bot/{}/plugins /api/bot/{}/skills /api/bot/{}/channels
POST 201 /api/bot/{}/providers /api/bot/{}/plugins /api/bot/{}/skills /api/bot/{}/channels
GET PUT 200 /api/bot/{}/providers/{} /api/bot/{}/plugins/{}
GET PUT 200 /api/bot/{}/skills/{} /api/bot/{}/channels/{}
DELETE 204 /api/bot/{}/providers/{} /api/bot/{}/plugins/{}
DELETE 204 /api/bot/{}/skills/{} /api/bot/{}/channels/{}
POST 200 /api/bot/{}/channels/{}/connection /api/bot/{}/channels/{}/test
GET 200 /api/provider-key /api/provider-key/{} /api/provider-key/{}/models
GET 200 /api/provider-key/health
POST 201 /api/provider-key
PATCH 200 /api/provider-key/{}
DELETE 204 /api/provider-key/{}
POST 200 /api/provider-key/{}/rotate /api/provider-key/verify
POST 202 /api/provider-key/{}/check
GET 200 /api/quota /api/quota/{} /api/quota/{}/balance /api/call/{}/explain
POST 201 /api/quota
PATCH 200 /api/quota/{}
DELETE 204 /api/quota/{}
GET PUT 200 /api/bot/{}/routing
POST 200 /api/bot/{}/routing/test
GET 200 /api/bot/{}/routing/suggest /api/routing/statistics
POST 200 /api/routing/what-if
GET 200 /api/routing/capability-tags /api/routing/fallback-chains
GET 200 /api/routing/cost-strategies /api/routing/model-prices
POST 201 /api/routing/capability-tags /api/routing/fallback-chains
POST 201 /api/routing/cost-strategies /api/routing/model-prices
PUT 200 /api/routing/capability-tags/{} /api/routing/fallback-chains/{}
PUT 200 /api/routing/cost-strategies/{} /api/routing/model-prices/{}
DELETE 204 /api/routing/capability-tags/{} /api/routing/fallback-chains/{}
DELETE 204 /api/routing/cost-strategies/{} /api/routing/model-prices/{}
GET 200 /api/plugin /api/skill /api/persona-template /api/channel /api/vendor
GET 200 /api/plugin/{} /api/skill/{} /api/persona-template/{} /api/channel/{} /api/vendor/{}
POST 201 /api/plugin /api/skill /api/persona-template /api/skill/sync
PUT 200 /api/plugin/{} /api/skill/{} /api/persona-template/{}
DELETE 204 /api/plugin/{} /api/skill/{} /api/persona-template/{}
GET 200 /api/skill/sync
GET 200 /api/usage/summary /api/usage/trend /api/usage/breakdown /api/usage/calls
GET 200 /api/bot/{}/usage/summary /api/bot/{}/usage/trend
GET 200 /api/bot/{}/usage/breakdown /api/bot/{}/usage/calls
GET 200 /api/audit/events /api/audit/stream/{}/{} /api/audit/checkpoint
GET 200 /api/audit/proof/{} /api/audit/consistency /api/audit/export
GET 200 /api/audit/blast-radius
POST 201 /api/invoice
GET 200 /api/invoice/{}
GET 200 /api/notification /api/notification/unread-count /api/events/stream
POST 204 /api/notification/read
GET 200 /api/webhook
POST 201 /api/webhook
DELETE 204 /api/webhook/{}
GET 200 /api/asyncapi.json /api/docs /health /health/ready
"""
FIELDS = {
    "BotOut": "id hostname name runtime desired_state observed_state status health image "
    "port container_id providers tags proxy_base_url created_at version",
    "CreatedBot": "bot bot_token",
    "SignedInOut": "access_token refresh_token token_type expires_in user team",
    "KeyOut": "id vendor label tags base_url last4 status created_at version",
    "BalanceOut": "limit settled held remaining window_start window_end",
    "DiagnosisOut": "overall checks recommendations",
    "CheckOut": "name status message latency_ms",
    "Problem": "type title status detail code request_id errors",
    "CallOut": "call_id bot_id hostname vendor model requested_model provider_key_id "
    "status http_status input_tokens output_tokens cache_read_tokens cache_write_tokens "
    "reasoning_tokens usage_source cost_micro_usd price_source attempts admitted_at "
    "first_byte_ms duration_ms client_left error",
    "NewBot": "name hostname runtime image persona persona_template_id providers channels "
    "plugins skills features tags resources",
    "NewLink": "provider_key_id vendor tag models primary_model",
    "NewKey": "vendor label secret base_url tags models allow_paths",
    "NewQuota": "scope metric window limit time_zone warn_at mode",
}
PARAMETERS = {
    "/api/usage/calls": "from to bot vendor model provider_key status format limit cursor",
    "/api/usage/trend": "granularity from to at",
    "/api/usage/breakdown": "group_by from to at",
    "/api/audit/events": "actor kind stream_id type from to correlation_id",
    "/api/audit/consistency": "from to",
    "/api/audit/blast-radius": "key skill plugin token from to",
    "/api/bot/{}/logs": "tail since follow",
    "/api/channel": "locale",
    "/api/notification": "unread",
    "/api/events/stream": "last-event-id",
}
WITH_A_PAST = """
/api/bot /api/bot/{} /api/bot/{}/providers /api/bot/{}/providers/{} /api/bot/{}/plugins
/api/bot/{}/plugins/{} /api/bot/{}/skills /api/bot/{}/skills/{} /api/bot/{}/channels
/api/bot/{}/channels/{} /api/bot/{}/token /api/bot/{}/persona /api/bot/{}/routing
/api/bot/{}/events /api/provider-key /api/provider-key/{} /api/quota /api/quota/{}
/api/quota/{}/balance /api/routing/capability-tags /api/routing/capability-tags/{}
/api/routing/fallback-chains /api/routing/fallback-chains/{} /api/routing/cost-strategies
/api/routing/cost-strategies/{} /api/routing/model-prices/{} /api/routing/statistics
/api/usage/summary /api/usage/trend /api/usage/breakdown /api/usage/calls
/api/bot/{}/usage/summary /api/bot/{}/usage/calls
"""

# As long as is asked for; and one for strangers, of what an operator has set up.
NO_LISTS = {"/api/bot/{}/logs", "/api/auth/oidc"}
