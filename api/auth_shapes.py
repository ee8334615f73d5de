"""What sign-in takes and shows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, Strict, model_validator
from pydantic_core import PydanticCustomError

from api.shapes import Body, Name
from api.tokens import ACCESS_SECONDS
from domain.roles import Role

Address = Annotated[str, Field(min_length=3, max_length=320)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=2048)]


class Locale(StrEnum):
    """The language that somebody reads."""

    UNSAID = ""
    ENGLISH = "en"
    CHINESE = "zh-CN"


Mobile = Annotated[str, Field(min_length=8, max_length=16)]
ACode = Annotated[str, Field(min_length=6, max_length=40)]


class NewAccount(Body):
    email: Address
    password: Password
    name: Name


class Credentials(Body):
    email: Address
    password: Password


class RefreshToken(Body):
    refresh_token: Annotated[str, Field(min_length=1, max_length=256)]


class UserOut(BaseModel):
    id: UUID
    email: str
    name: str


class TeamOut(BaseModel):
    id: UUID
    name: str
    role: Role


class Me(BaseModel):
    """`locale` is empty until one is chosen: then every request says its own.

    `mobile` is the number that codes are sent to, empty if none is confirmed. Without a
    password one signs in by accounts elsewhere and by codes.
    """

    user: UserOut
    team: TeamOut
    locale: Locale = Locale.UNSAID
    mobile: str = ""
    has_password: bool = True
    second_factor: bool = False
    operator: bool = False


class ProfileChange(Body):
    name: Name | None = None
    locale: Annotated[Locale, Strict(strict=False)] | None = None


class NewPassword(Body):
    old_password: Password
    password: Password


class ResetRequest(Body):
    email: Address


class Reset(Body):
    token: Annotated[str, Field(min_length=1, max_length=256)]
    password: Password


class Confirmation(Body):
    """The password once more, so that a session alone does not open what it locks.

    Whoever has none leaves it out, within ten minutes of signing in.
    """

    password: Password | None = None


class Code(Body):
    code: ACode


class TotpOut(BaseModel):
    """Shown once; `uri` is what an authenticator app reads as a QR code."""

    secret: str
    uri: str


class RecoveryCodes(BaseModel):
    """Shown once; each replaces one code of the second factor."""

    recovery_codes: list[str]


class ChallengeOut(BaseModel):
    """The password was right, and a code is asked for as well, within `expires_in` s."""

    challenge: str
    expires_in: int
    factors: list[Literal["totp", "recovery-code"]] = ["totp", "recovery-code"]


class ChallengeAnswer(Body):
    challenge: Annotated[str, Field(min_length=1, max_length=256)]
    code: ACode


class CodeRequest(Body):
    """Either an address or a number (E.164: `+4915112345678`)."""

    email: Address | None = None
    mobile: Mobile | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.email is None) is (self.mobile is None):
            raise PydanticCustomError("email-or-mobile", "either email or mobile")
        return self


class CodeAnswer(CodeRequest):
    code: ACode


class MobileRequest(Confirmation):
    mobile: Mobile


class MobileAnswer(Body):
    mobile: Mobile
    code: ACode


class ProviderOut(BaseModel):
    """Whom one can have an account with; `name` in the reader's language."""

    id: str
    name: str


class AuthorizationOut(BaseModel):
    """Where the browser is to be sent now."""

    authorization_url: str


class IdentityOut(BaseModel):
    """An account elsewhere that is linked."""

    provider: str


class SessionOut(BaseModel):
    id: UUID
    started_at: datetime
    expires_at: datetime
    current: bool


class TokensOut(BaseModel):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a scheme
    expires_in: int = ACCESS_SECONDS


class SignedInOut(TokensOut):
    user: UserOut
    team: TeamOut
