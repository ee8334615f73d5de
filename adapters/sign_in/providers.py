"""Which providers the operator has set up, of the settings `CLAWBOT_OIDC__<NAME>__…`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from adapters.checked_transport import CheckedTransport
from adapters.settings import ProviderSetting
from adapters.sign_in.asking import Client
from adapters.sign_in.chinese import FeishuProvider, WeChatProvider
from adapters.sign_in.oauth2 import discord, github
from adapters.sign_in.oidc import OidcProvider
from application.identities import SignInProvider, SignInProviders
from domain.destinations import UrlIsNotAllowed, allowed_origin
from domain.errors import BadSetup

NAME = re.compile(r"[a-z][a-z0-9]{0,31}")
ISSUERS = {"google": "https://accounts.google.com"}
_THIN: Mapping[str, Callable[[Client], SignInProvider]] = {
    "github": github,
    "discord": discord,
    "wechat": WeChatProvider,
    "feishu": FeishuProvider,
}


def providers_of(
    settings: Mapping[str, ProviderSetting], *, egress_allow: Collection[str]
) -> SignInProviders:
    """The providers by name; `BadSetup` says which setting is wrong."""
    return {
        name: _provider(name, setting, egress_allow) for name, setting in settings.items()
    }


def _provider(
    name: str, setting: ProviderSetting, egress_allow: Collection[str]
) -> SignInProvider:
    if NAME.fullmatch(name) is None:
        raise BadSetup(f"CLAWBOT_OIDC__{name.upper()}: a name has letters and digits only.")
    client = Client(
        client_id=setting.client_id,
        client_secret=setting.client_secret.get_secret_value(),
        transport=CheckedTransport(egress_allow=egress_allow),
    )
    issuer = setting.issuer or ISSUERS.get(name)
    if issuer is None and name in _THIN:
        return _THIN[name](client)
    if issuer is None:
        known = ", ".join(sorted({*ISSUERS, *_THIN}))
        raise BadSetup(
            f"CLAWBOT_OIDC__{name.upper()}__ISSUER is missing; only {known} need none."
        )
    try:
        allowed_origin(issuer, egress_allow=egress_allow)
    except UrlIsNotAllowed as wrong:
        raise BadSetup(f"CLAWBOT_OIDC__{name.upper()}__ISSUER: {wrong}") from wrong
    return OidcProvider(issuer, client)
