"""What the catalog's YAML files must say: checked field by field, nothing unknown taken.

Each model turns itself into its counterpart of the domain, which says what a field means.
"""

from __future__ import annotations

from functools import cache
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

from domain.layouts import Layout
from domain.paths import ClosedPaths, PathPattern, Segments, split
from domain.vendors import (
    Auth,
    Category,
    Endpoint,
    Format,
    Group,
    Pricing,
    Scheme,
    Streaming,
)
from domain.verdicts import Verdict, VerdictRule


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> Any:
    """Lower case, and a code may be written as a number; a yes or no is no code."""
    is_text = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value).lower() if is_text else value


@cache  # vendors share most of them
def pattern(path: str) -> PathPattern:
    """The pattern that the text describes; `ValueError` if it describes none."""
    return PathPattern(path)


def _pattern(path: str) -> str:
    return pattern(path).text


def _closed(path: str) -> str:
    ClosedPaths([pattern(path)])
    return path


# Of one connection only, written by the proxy itself, or another party's credentials.
_NEVER_BACK = (
    *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    *("proxy-authenticate", "proxy-connection", "set-cookie", "www-authenticate"),
    *("location", "access-control-", "x-call-id", "x-request-id", "x-clawbot-"),
)


def _may_go_back(name: str) -> str:
    for never in _NEVER_BACK:
        if name.startswith(never) or (name.endswith("*") and never.startswith(name[:-1])):
            msg = f"{never} never passes back"
            raise ValueError(msg)
    return name


Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[a-z0-9/+.-]+$")]
BackName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]*(-\*)?$"),
    AfterValidator(_may_go_back),
]
QueryPart = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]+$")]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[a-z0-9.-]+(/[a-z0-9-]+)*$")]
BaseUrl = HttpsUrl | Annotated[str, StringConstraints(pattern=r"^http://127\.0\.0\.1:\d+$")]
Base = Annotated[str, StringConstraints(pattern=r"^(/[a-zA-Z0-9._-]+)*$")]
At = Annotated[str, StringConstraints(pattern=r"^(/([a-zA-Z0-9._-]+|\*))*$")]
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
    methods: list[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "websocket"]] = (
        Field(default=["POST"], min_length=1)
    )
    format: Format | None = None
    metered: bool | None = None  # unless said, inference is
    group: Group = "inference"
    model_in_path: bool = False
    streaming: Streaming = "never"
    stream_headers: dict[HeaderName, HeaderValue] = {}
    fixed_query: dict[QueryPart, QueryPart] = {}
    auth: AuthSpec | None = None

    @model_validator(mode="after")
    def _says_which_headers(self) -> Self:
        if (self.streaming == "header") != bool(self.stream_headers):
            msg = "stream_headers go with streaming: header, and the other way round"
            raise ValueError(msg)
        return self

    def endpoint(self, use: Use | None = None) -> Endpoint:
        """The endpoint, put where its set is used; its own auth and query win."""
        at = use.at if use else ""
        auth = self.auth or (use.auth if use else None)
        query = (use.fixed_query if use else {}) | self.fixed_query
        return Endpoint(
            methods=frozenset(self.methods),
            pattern=pattern(f"{at}/{self.path}".lstrip("/")),
            ending=pattern(self.path),
            format=self.format,
            metered=self.group == "inference" if self.metered is None else self.metered,
            group=self.group,
            model_in_path=self.model_in_path or "*" in at,
            streaming=self.streaming,
            stream_headers=tuple(
                (name.encode(), value.encode())
                for name, value in self.stream_headers.items()
            ),
            fixed_query=tuple(query.items()),
            auth=auth.auth() if auth else None,
        )


class EndpointSet(Spec):
    endpoints: list[EndpointSpec]
    pass_headers: list[HeaderName] = []
    closed: list[Closed] = []


class EndpointSetsFile(Spec):
    pass_headers: list[HeaderName]
    back_headers: list[BackName]
    closed: list[Closed]
    sets: dict[str, EndpointSet]


class NamesSpec(Spec):
    en: str
    zh: str


class Use(Spec):
    """A shared set of endpoints, and where it lies; a `*` in there is the model."""

    set: str
    at: At
    fixed_query: dict[QueryPart, QueryPart] = {}
    auth: AuthSpec | None = None


class LayoutSpec(Spec):
    openai_base: Base | None = None
    anthropic_base: Base | None = None
    responses_base: Base | None = None

    def layout(self) -> Layout:
        openai, anthropic = segments_of(self.openai_base), segments_of(self.anthropic_base)
        responses = segments_of(self.responses_base)
        return Layout(
            openai=openai,
            anthropic=anthropic,
            responses=openai if responses is None else responses,
        )


def segments_of(base: str | None) -> Segments | None:
    """The base's segments; None where there is no base."""
    return None if base is None else split(base)


class PricingSpec(Spec):
    provider: str
    then: str | None = None

    def pricing(self) -> Pricing:
        return Pricing(provider=self.provider, then=self.then)


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


class VendorFile(LayoutSpec):
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
    back_headers: list[BackName] = []
    other_layouts: list[LayoutSpec] = []
    path_roots: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$")]]
    native_base: Base | None = None
    models_path: Annotated[str, StringConstraints(pattern=r"^(/[\w.-]+)+(\?[\w=&-]+)?$")]
    model_prefix: str = ""
    include_usage: bool
    drain: bool = True
    pricing: PricingSpec | None
    uses: list[Use] = []
    endpoints: list[EndpointSpec] = []
    closed: list[Closed] = []
    verdicts: list[RuleSpec] = []
