"""What an answer says about the key: each vendor's own rules, then the general ones.

The error samples of all vendors are in `test_error_samples.py`, what is different at each
vendor in `test_vendor_verdicts.py`.
"""

import pytest

from adapters.catalog.loader import load_catalog
from domain.verdicts import Verdict, VerdictRule, judge

Said = tuple[int, str | None, str | int | None, str | None]

OK, CLIENT_ERROR = Verdict.OK, Verdict.CLIENT_ERROR
THROTTLED, OVERLOADED = Verdict.THROTTLED, Verdict.OVERLOADED
DEAD, NO_FUNDS = Verdict.DEAD, Verdict.NO_FUNDS
INVALID = "invalid_request_error"


@pytest.mark.parametrize(
    ("vendor", "said", "verdict"),
    [
        ("openai", (200, None, None, None), OK),
        ("openai", (401, INVALID, "invalid_api_key", "Incorrect API key provided."), DEAD),
        ("openai", (401, None, "account_deactivated", None), DEAD),
        (
            "openai",
            (429, "tokens", "rate_limit_exceeded", "Rate limit reached."),
            THROTTLED,
        ),
        ("openai", (429, "rate_limit_error", "slow_down", None), THROTTLED),
        ("openai", (503, None, "slow_down", None), OVERLOADED),
        (
            "openai",
            (503, "server_error", "server_is_overloaded", "Overloaded."),
            OVERLOADED,
        ),
        ("openai", (429, "insufficient_quota", "insufficient_quota", None), NO_FUNDS),
        ("openai", (429, None, "credit_balance_exhausted", None), NO_FUNDS),
        ("openai", (429, None, "billing_hard_limit_reached", None), NO_FUNDS),
        ("openai", (402, None, None, None), NO_FUNDS),
        ("openai", (400, INVALID, "context_length_exceeded", "Too many."), CLIENT_ERROR),
        (
            "openai",
            (403, "request_forbidden", "unsupported_country_region_territory", "Country"),
            CLIENT_ERROR,
        ),
        ("openai", (404, INVALID, "model_not_found", None), CLIENT_ERROR),
        ("openai", (200, "error", "rate_limit_exceeded", "Slow down."), THROTTLED),
        ("anthropic", (401, "authentication_error", None, "invalid x-api-key"), DEAD),
        ("anthropic", (402, "billing_error", None, "payment needed"), NO_FUNDS),
        ("anthropic", (403, "permission_error", None, "no access"), CLIENT_ERROR),
        ("anthropic", (529, "overloaded_error", None, "Overloaded"), OVERLOADED),
        (
            "anthropic",
            (400, INVALID, None, "Your credit balance is too low to access the API."),
            NO_FUNDS,
        ),
        ("anthropic", (400, INVALID, None, "messages: must not be empty"), CLIENT_ERROR),
        ("anthropic", (400, INVALID, "organization_on_hold", None), NO_FUNDS),
        ("anthropic", (429, "rate_limit_error", None, "too many"), THROTTLED),
        (
            "anthropic",
            (429, "rate_limit_error", "enforced_spend_limit_reached", None),
            NO_FUNDS,
        ),
        ("anthropic", (429, "rate_limit_error", "ramp_limit_exceeded", None), THROTTLED),
        ("anthropic", (200, "overloaded_error", None, "Overloaded"), OVERLOADED),
        ("anthropic", (200, "rate_limit_error", None, "too many"), THROTTLED),
        (
            "google",
            (400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key not valid."),
            DEAD,
        ),
        ("google", (400, "INVALID_ARGUMENT", 400, "API key expired. Renew it."), DEAD),
        ("google", (400, "INVALID_ARGUMENT", 400, 'Unknown name "foo"'), CLIENT_ERROR),
        (
            "google",
            (403, "PERMISSION_DENIED", 403, "Your API key was reported as leaked."),
            DEAD,
        ),
        ("google", (403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED", None), DEAD),
        ("google", (403, "PERMISSION_DENIED", 403, "no access to the model"), CLIENT_ERROR),
        ("google", (401, "UNAUTHENTICATED", 401, None), DEAD),
        ("google", (429, "RESOURCE_EXHAUSTED", 429, "Quota exceeded"), THROTTLED),
        (
            "google",
            (429, "RESOURCE_EXHAUSTED", 429, "limit GenerateRequestsPerDay"),
            NO_FUNDS,
        ),
        ("google", (400, "FAILED_PRECONDITION", 400, "Billing is not enabled."), NO_FUNDS),
        (
            "google",
            (400, "FAILED_PRECONDITION", 400, "The file is not active."),
            CLIENT_ERROR,
        ),
        ("google", (503, "UNAVAILABLE", 503, "The model is overloaded."), OVERLOADED),
        ("google", (200, "UNAVAILABLE", 503, "The model is overloaded."), OVERLOADED),
        ("google", (200, "INTERNAL", 500, "Internal error."), OVERLOADED),
        ("google", (200, "resource_exhausted", "resource_exhausted", "quota"), THROTTLED),
        ("custom", (500, None, None, None), OVERLOADED),
        ("custom", (502, None, None, None), OVERLOADED),
        ("custom", (408, None, None, None), OVERLOADED),
        ("custom", (401, None, None, "Unauthorized"), DEAD),
        ("custom", (422, None, None, "Extra inputs are not permitted"), CLIENT_ERROR),
        ("custom", (307, None, None, None), CLIENT_ERROR),
        ("custom", (200, None, 400, "too long"), CLIENT_ERROR),
        ("custom", (200, None, None, "model runner has unexpectedly stopped"), OVERLOADED),
        ("custom", (200, None, 401, "our own upstream refused"), OVERLOADED),
    ],
)
def test_an_error_says_this_about_the_key(
    vendor: str, said: Said, verdict: Verdict
) -> None:
    status, error_type, code, message = said
    rules = load_catalog().get(vendor).verdicts
    assert judge(rules, status, error_type, code, message) is verdict


@pytest.mark.parametrize("vendor", [vendor.id for vendor in load_catalog().all()])
@pytest.mark.parametrize("status", [200, 400, 404, 422])
def test_a_bot_cannot_have_a_key_punished_by_what_it_sends(
    vendor: str, status: int
) -> None:
    rules = load_catalog().get(vendor).verdicts
    for echo in (
        "API key not valid",
        "Your credit balance is too low",
        "reported as leaked",
        "Key limit exceeded",
        "suspended: insufficient balance, 1004 quota",
    ):
        verdict = judge(rules, status, INVALID, None, f'Unknown name "{echo}": not a field')
        assert verdict is CLIENT_ERROR


def rule(verdict: Verdict, *statuses: int, **texts: tuple[str, ...]) -> VerdictRule:
    return VerdictRule(verdict=verdict, status=frozenset(statuses), **texts)  # type: ignore[arg-type]


def test_a_rule_can_ask_whether_a_time_to_wait_was_named() -> None:
    rules = [VerdictRule(verdict=THROTTLED, status=frozenset({402}), retry_after=True)]
    assert judge(rules, 402, retry_after=True) is THROTTLED
    assert judge(rules, 402) is NO_FUNDS


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({}, "a rule names"),
        ({"code": ("Arrearage",)}, "lower case"),
        ({"code": ("",)}, "lower case"),
        ({"message_has": ("not valid",)}, "a bot could put"),
    ],
)
def test_a_rule_that_says_too_little_is_refused(
    texts: dict[str, tuple[str, ...]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        rule(DEAD, **texts)


def test_a_message_may_be_searched_only_where_no_bot_can_write_it() -> None:
    with pytest.raises(ValueError, match="a bot could put"):
        rule(NO_FUNDS, 400, 429, message_has=("balance",))
    assert rule(NO_FUNDS, 429, message_has=("balance",))
    assert rule(THROTTLED, 400, message_has=("slower",))
