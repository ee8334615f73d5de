"""What the catalog's YAML files must say: checked field by field, nothing unknown taken.

Each model turns itself into its counterpart of the domain, which says what a field means.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from domain.catalog import (
    METHODS,
    Auth,
    Category,
    Endpoint,
    Format,
    Group,
    Scheme,
    Streaming,
)
from domain.paths import ClosedPaths, PathPattern
from domain.verdicts import Verdict, VerdictRule


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> Any:
    """Lower case, and a code may be written as a number; a yes or no is no code."""
    is_text = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value).lower() if is_text else value


def _pattern(path: str) -> str:
    return PathPattern(path).text


def _closed(path: str) -> str:
    ClosedPaths([PathPattern(path)])
    return path


Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[a-z0-9.-]+(/[a-z0-9-]+)*$")]
BaseUrl = HttpsUrl | Annotated[str, StringConstraints(pattern=r"^http://127\.0\.0\.1:\d+$")]
Base = Annotated[str, StringConstraints(pattern=r"^(/[a-zA-Z0-9._-]+)*$")]
Pattern = Annotated[str, AfterValidator(_pattern)]
Closed = Annotated[str, AfterValidator(_closed)]
Text = Annotated[str, BeforeValidator(_text)]
Texts = Annotated[list[Text], BeforeValidator(_listed)]
Status = Annotated[int, Field(ge=200, le=599)]
Statuses = Annotated[list[Status], BeforeValidator(_listed), Field(min_length=1)]


class Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AuthSpec(Spec):
    header: str
    scheme: Scheme

    def auth(self) -> Auth:
        return Auth(header=self.header, scheme=self.scheme)


class EndpointSpec(Spec):
    path: Pattern
    methods: list[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]] = Field(
        default=["POST"], min_length=1
    )
    format: Format | None = None
    metered: bool | None = None  # unless said, inference is
    group: Group = "inference"
    model_in_path: bool = False
    streaming: Streaming = "never"
    auth: AuthSpec | None = None

    def endpoint(self, at: str = "", auth: AuthSpec | None = None) -> Endpoint:
        """The endpoint, with its path put below `at`."""
        own = self.auth or auth
        return Endpoint(
            methods=METHODS & frozenset(self.methods),
            pattern=PathPattern(f"{at}/{self.path}".lstrip("/")),
            format=self.format,
            metered=self.group == "inference" if self.metered is None else self.metered,
            group=self.group,
            model_in_path=self.model_in_path,
            streaming=self.streaming,
            auth=own.auth() if own else None,
        )


class EndpointSet(Spec):
    endpoints: list[EndpointSpec]
    pass_headers: list[HeaderName] = []
    closed: list[Closed] = []


class EndpointSetsFile(Spec):
    pass_headers: list[HeaderName]
    closed: list[Closed]
    sets: dict[str, EndpointSet]


class NamesSpec(Spec):
    en: str
    zh: str


class Use(Spec):
    """A shared set of endpoints, and where it lies below the vendor's base URL."""

    set: str
    at: Base
    auth: AuthSpec | None = None


class RuleSpec(Spec):
    verdict: Annotated[Verdict, Field(strict=False)]
    status: Statuses | None = None
    code: Texts = []
    type: Texts = []
    message_has: Texts = []
    message_starts: Texts = []
    retry_after: bool | None = None

    @model_validator(mode="after")
    def _is_a_rule(self) -> Self:
        self.rule()
        return self

    def rule(self) -> VerdictRule:
        return VerdictRule(
            verdict=self.verdict,
            status=frozenset(self.status or ()),
            code=tuple(self.code),
            type=tuple(self.type),
            message_has=tuple(self.message_has),
            message_starts=tuple(self.message_starts),
            retry_after=self.retry_after,
        )


class VendorFile(Spec):
    id: Id
    aliases: list[Id] = []
    category: Category
    names: NamesSpec
    base_url: BaseUrl | None
    alt_base_urls: dict[str, HttpsUrl] = {}
    auth: AuthSpec
    needs_key: bool = True
    fixed_headers: dict[HeaderName, str] = {}
    pass_headers: list[HeaderName] = []
    openai_base: Base | None = None
    anthropic_base: Base | None = None
    path_roots: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$")]]
    models_path: Annotated[str, StringConstraints(pattern=r"^(/[\w.-]+)+(\?[\w=&-]+)?$")]
    include_usage: bool
    uses: list[Use] = []
    endpoints: list[EndpointSpec] = []
    closed: list[Closed] = []
    verdicts: list[RuleSpec] = []
