"""What is different at each vendor: the same status or code means different things.

One line per fact of the collection's `status` tables and its list of traps, but for what
the general rules say of every vendor (401, 402, 429, 5xx), which is tried with all of them.
"""

import pytest

from domain.verdicts import Verdict, judge
from tests.domain.going import CATALOG

OK, CLIENT_ERROR = Verdict.OK, Verdict.CLIENT_ERROR
THROTTLED, OVERLOADED = Verdict.THROTTLED, Verdict.OVERLOADED
DEAD, NO_FUNDS = Verdict.DEAD, Verdict.NO_FUNDS


def say(
    vendor: str,
    status: int,
    code: str | int | None = None,
    message: str | None = None,
    kind: str | None = None,
    *,
    retry_after: bool = False,
) -> Verdict:
    rules = CATALOG.get(vendor).verdicts
    return judge(rules, status, kind, code, message, retry_after=retry_after)


@pytest.mark.parametrize("vendor", [vendor.id for vendor in CATALOG.all()])
def test_every_vendor_has_the_plain_statuses(vendor: str) -> None:
    assert say(vendor, 200) is OK
    assert say(vendor, 401) is (CLIENT_ERROR if vendor == "ollama" else DEAD)
    assert say(vendor, 402) is NO_FUNDS
    assert say(vendor, 429) is THROTTLED
    for status in (400, 403, 404, 422):
        assert say(vendor, status) is CLIENT_ERROR
    for status in (408, 500, 502, 503, 504, 529):
        assert say(vendor, status) is OVERLOADED


@pytest.mark.parametrize(
    ("vendor", "status", "code", "message", "verdict"),
    [
        ("groq", 498, "capacity_exceeded", None, OVERLOADED),
        ("groq", 400, "organization_restricted", None, NO_FUNDS),
        ("groq", 403, None, "Organization has been restricted.", NO_FUNDS),
        ("groq", 403, None, "the model is blocked for the project", CLIENT_ERROR),
        ("azure-openai", 403, None, "Out of call volume quota.", NO_FUNDS),
        ("azure-openai", 404, "DeploymentNotFound", None, CLIENT_ERROR),
        ("openrouter", 403, None, "Key limit exceeded (total limit).", NO_FUNDS),
        ("openrouter", 403, None, "flagged: key limit exceeded", CLIENT_ERROR),
        ("openrouter", 200, 502, "Provider disconnected", OVERLOADED),
        ("together", 403, None, "input and max_tokens are too long", CLIENT_ERROR),
        ("together", 524, None, None, OVERLOADED),
        ("fireworks", 412, None, "Account is suspended", DEAD),
        ("fireworks", 412, None, "Account a is suspended: spending limit", NO_FUNDS),
        ("fireworks", 412, None, "LoRA failed to load", CLIENT_ERROR),
        ("fireworks", 403, None, "authentication issue", DEAD),
        ("perplexity", 401, None, "Insufficient credits", NO_FUNDS),
        ("perplexity", 401, None, "Invalid API key", DEAD),
        ("cohere", 498, None, "invalid token", DEAD),
        ("cohere", 499, None, None, CLIENT_ERROR),
        ("cohere", 501, None, None, CLIENT_ERROR),
        ("cohere", 429, None, "Trial key: 1000 API calls / month", NO_FUNDS),
        ("cohere", 429, None, "Trial key: 40 API calls / minute", THROTTLED),
        ("zhipu", 401, "1002", None, DEAD),
        ("zhipu", 401, "1220", None, CLIENT_ERROR),
        ("zhipu", 429, "1311", None, CLIENT_ERROR),
        ("zhipu", 429, "1112", "account locked", DEAD),
        ("zhipu", 429, 1113, "account in arrears", NO_FUNDS),
        ("zhipu", 429, "1304", "daily cap", NO_FUNDS),
        ("zhipu", 429, "1308", "resets at 5", NO_FUNDS),
        ("zhipu", 429, "1313", "fair use", THROTTLED),
        ("zhipu", 429, "1312", "busy", OVERLOADED),
        ("zhipu", 200, "1302", "too many at once", THROTTLED),
        ("zhipu", 200, "1301", "content", CLIENT_ERROR),
        ("zhipu", 500, "1234", None, OVERLOADED),
        ("moonshot", 403, None, "Your account is suspended", NO_FUNDS),
        ("moonshot", 403, None, "permission denied", CLIENT_ERROR),
        ("baichuan", 429, None, "Insufficient account balance", NO_FUNDS),
        ("dashscope", 403, "Arrearage", None, NO_FUNDS),
        ("dashscope", 403, "AllocationQuota.FreeTierOnly", None, NO_FUNDS),
        ("dashscope", 403, "Model.AccessDenied", None, CLIENT_ERROR),
        ("dashscope", 429, "insufficient_quota", None, NO_FUNDS),
        ("dashscope", 429, "Throttling.AllocationQuota", None, THROTTLED),
        ("dashscope", 429, "limit_requests", None, THROTTLED),
        ("dashscope", 200, "Throttling.RateQuota", None, THROTTLED),
        ("dashscope", 200, "InternalError.Timeout", None, OVERLOADED),
        ("dashscope", 401, "InvalidApiKey", None, DEAD),
        ("stepfun", 451, None, "content policy", CLIENT_ERROR),
        ("doubao", 403, "AccountOverdueError", None, NO_FUNDS),
        ("doubao", 403, "AccessDenied", None, CLIENT_ERROR),
        ("doubao", 429, "SetLimitExceeded", None, NO_FUNDS),
        ("doubao", 429, "QuotaExceeded", None, NO_FUNDS),
        ("doubao", 429, "RateLimitExceeded.EndpointTPMExceeded", None, THROTTLED),
        ("doubao", 200, "AccountRateLimitExceeded", None, THROTTLED),
        ("minimax", 200, 2049, "invalid api key", DEAD),
        ("minimax", 200, 1004, "not authorized", DEAD),
        ("minimax", 200, 2056, "plan used up", NO_FUNDS),
        ("minimax", 200, 1002, "rate limit", THROTTLED),
        ("minimax", 200, 1041, "connections", THROTTLED),
        ("minimax", 200, 1001, "timeout", OVERLOADED),
        ("minimax", 200, 1026, "content", CLIENT_ERROR),
        ("minimax", 404, None, "404 page not found", CLIENT_ERROR),
        ("yi", 429, None, "insufficient quota", NO_FUNDS),
        ("hunyuan", 403, "ResourceUnavailable.InArrears", None, NO_FUNDS),
        ("hunyuan", 200, "AuthFailure.SignatureFailure", None, DEAD),
        ("hunyuan", 200, "LimitExceeded", None, THROTTLED),
        ("hunyuan", 403, None, "账户欠费", NO_FUNDS),
        ("siliconflow", 403, 30001, "balance insufficient", NO_FUNDS),
        ("siliconflow", 403, 30003, "not verified for the model", CLIENT_ERROR),
        ("siliconflow", 503, 50505, "model overloaded", OVERLOADED),
        ("venice", 401, None, "PRO_ONLY_MODEL", CLIENT_ERROR),
        ("venice", 401, None, "Authentication failed", DEAD),
        ("venice", 402, None, "Insufficient balance", NO_FUNDS),
        ("ollama", 503, None, "server busy", OVERLOADED),
    ],
)
def test_a_vendor_means_by_it(
    vendor: str, status: int, code: str | int | None, message: str | None, verdict: Verdict
) -> None:
    assert say(vendor, status, code, message) is verdict


def test_a_time_to_wait_makes_the_difference_at_openrouter() -> None:
    assert say("openrouter", 402, retry_after=True) is THROTTLED
    assert say("openrouter", 402) is NO_FUNDS


def test_moonshot_says_with_a_type_what_its_429_means() -> None:
    assert say("moonshot", 429, kind="exceeded_current_quota_error") is NO_FUNDS
    assert say("moonshot", 429, kind="engine_overloaded_error") is OVERLOADED
    assert say("moonshot", 429, kind="rate_limit_reached_error") is THROTTLED
