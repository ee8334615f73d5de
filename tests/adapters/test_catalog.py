"""The catalog's files: what we ship is right, a new vendor is a file, mistakes are told."""

import shutil
import time
from pathlib import Path

import pytest

import adapters.catalog
from adapters.catalog.loader import load_catalog, read_catalog
from domain.catalog import PathNotAllowed, Pricing, Vendor, target
from domain.errors import BadSetup
from domain.verdicts import Verdict, judge

SHIPPED = Path(adapters.catalog.__file__).parent

LOCAL = """
id: local
aliases: [llama]
category: other
names: {en: Local, zh: 本地}
base_url: http://127.0.0.1:11434
alt_base_urls: {cloud: https://local.example}
auth: {header: Authorization, scheme: bearer}
needs_key: false
fixed_headers: {x-mode: plain}
pass_headers: [x-local-sse]
back_headers: [x-local-limit-*, x-local-id]
openai_base: /compatible-mode/v1
anthropic_base: /apps/anthropic
path_roots: [api, compatible-mode, apps]
models_path: /api/tags
include_usage: false
drain: false
pricing: {provider: zhipuai, then: zai}
uses:
  - {set: openai, at: /compatible-mode/v1}
  - {set: anthropic, at: /apps/anthropic, auth: {header: x-api-key, scheme: raw}}
  - {set: openai, at: "/old/*", fixed_query: {api-version: "1"}}
endpoints:
  - {path: api/chat, format: ollama, streaming: body-unless-false}
  - {path: api/files/**, methods: [GET, PUT], group: other}
closed: [api/pull/**]
verdicts:
  - {status: [400, 403], code: [Arrearage, 1113], verdict: no_funds}
  - {status: 402, retry_after: true, verdict: throttled}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied: Path = shutil.copytree(SHIPPED, tmp_path / "catalog")
    return copied


def test_what_we_ship_is_read_once_and_names_each_vendor() -> None:
    catalog = load_catalog()
    assert catalog is load_catalog()
    files = {file.stem for file in (SHIPPED / "vendors").glob("*.yaml")}
    assert {vendor.id for vendor in catalog.all()} == files
    assert len(files) == 25


def test_no_credential_header_may_pass_upstream() -> None:
    for vendor in load_catalog().all():
        assert {"accept", "content-type"} <= set(vendor.pass_headers)
        for name in vendor.pass_headers:
            assert name == name.lower()
            assert name not in {"authorization", "host", "cookie", "connection", "api-key"}
            assert not name.startswith(("x-api-", "x-goog-", "x-forwarded-", "openai-org"))


def test_the_shipped_vendors_send_and_pass_the_headers_their_formats_need() -> None:
    catalog = load_catalog()
    assert catalog.get("anthropic").fixed_headers == {"anthropic-version": "2023-06-01"}
    assert "anthropic-beta" in catalog.get("anthropic").pass_headers
    assert "openai-beta" in catalog.get("openai").pass_headers
    assert catalog.get("custom").base_url is None


@pytest.mark.parametrize("vendor", load_catalog().all(), ids=lambda vendor: vendor.id)
def test_an_answer_brings_back_its_shape_and_limits_and_no_more(vendor: Vendor) -> None:
    for name in (b"content-type", b"content-length", b"retry-after", b"x-should-retry"):
        assert name in vendor.back_headers
    for name in (
        *(b"set-cookie", b"location", b"transfer-encoding", b"connection", b"server"),
        *(b"x-request-id", b"x-call-id", b"x-clawbot-vendor", b"openai-organization"),
        *(b"anthropic-organization-id", b"x-venice-balance-usd", b"www-authenticate"),
    ):
        assert name not in vendor.back_headers


def test_limits_pass_back_where_a_vendor_has_them() -> None:
    catalog = load_catalog()
    for vendor, name in (
        ("openai", b"x-ratelimit-remaining-tokens"),
        ("anthropic", b"anthropic-ratelimit-tokens-reset"),
        ("together", b"x-tokenlimit-remaining"),
        ("openrouter", b"x-generation-id"),
        ("cohere", b"x-trial-endpoint-call-remaining"),
    ):
        assert name in catalog.get(vendor).back_headers
        assert name not in catalog.get("yi").back_headers


def test_25_files_are_read_in_30_milliseconds_of_this_processor() -> None:
    def read() -> float:
        started = time.process_time()
        read_catalog(SHIPPED)
        return time.process_time() - started

    assert min(read() for _ in range(5)) < 0.030


def test_a_new_vendor_is_one_file(folder: Path) -> None:
    (folder / "vendors" / "local.yaml").write_text(LOCAL)
    vendor = read_catalog(folder).get("llama")

    def path(tail: str, method: str = "POST") -> str:
        found = target(
            vendor, base_path="", method=method, tail=tail, allow_paths="inference"
        )
        return f"{found.path} {found.endpoint.format} {found.auth.header}"

    chat = "/compatible-mode/v1/chat/completions openai-chat Authorization"
    assert (
        path("v1/chat/completions") == path("compatible-mode/v1/chat/completions") == chat
    )
    assert path("messages") == "/apps/anthropic/v1/messages anthropic-messages x-api-key"
    assert path("api/chat") == "/api/chat ollama Authorization"
    for method, tail in (("PUT", "api/files/1"), ("POST", "api/pull")):
        with pytest.raises(PathNotAllowed):
            path(tail, method)
    assert vendor.pass_headers[-1] == "x-local-sse"
    assert not vendor.needs_key
    assert not vendor.include_usage
    assert not vendor.drain
    assert vendor.pricing == Pricing(provider="zhipuai", then="zai")
    for name in (b"retry-after", b"x-local-limit-x", b"x-local-id"):
        assert name in vendor.back_headers
    for name in (b"x-local-idx", b"x-local-limit", b"set-cookie", b"x-request-id"):
        assert name not in vendor.back_headers
    old = target(
        vendor, base_path="", method="POST", tail="old/M/embeddings", allow_paths="all"
    )
    assert (old.model, old.query) == ("M", "api-version=1")
    assert judge(vendor.verdicts, 403, None, "Arrearage") is Verdict.NO_FUNDS
    assert judge(vendor.verdicts, 402, retry_after=True) is Verdict.THROTTLED


@pytest.mark.parametrize(
    ("was", "now", "complaint"),
    [
        ("needs_key: false", "need_key: false", "need_key: Extra inputs"),
        ("category: other", "category: odd", "category: "),
        ("needs_key: false", "needs_key: 'no'", "needs_key: "),
        ("include_usage: false", "", "include_usage: Field required"),
        ("id: local", "id: Local", "id: "),
        ("id: local", "id: other", "id: the file must be called other.yaml"),
        ("aliases: [llama]", "aliases: [gemini]", "gemini is in google.yaml too"),
        ("aliases: [llama]", "aliases: [custom]", "custom is in custom.yaml too"),
        ("aliases: [llama]", "aliases: [local]", "local is in local.yaml too"),
        ("127.0.0.1:11434", "10.0.0.1:11434", "base_url"),
        ("scheme: bearer", "scheme: basic", "auth.scheme: "),
        ("x-local-sse", "X-Local-SSE", "pass_headers.0: "),
        ("back_headers: [x-local-limit-*", "back_headers: [set-cookie", "back_headers.0: "),
        ("back_headers: [x-local-limit-*", "back_headers: [x-*", "back_headers.0: "),
        ("back_headers: [x-local-limit-*", "back_headers: ['*'", "back_headers.0: "),
        ('api-version: "1"', 'api-version: "1&x=2"', "uses.2.fixed_query.api-version: "),
        ("pricing: {provider: zhipuai, then: zai}", "", "pricing: Field required"),
        ("set: anthropic", "set: nobody", "uses.1.set: there is no set nobody"),
        ("at: /apps/anthropic", "at: apps", "uses.1.at: "),
        ("format: ollama", "format: olama", "endpoints.0.format: "),
        ("path: api/chat", "path: /api/chat", "endpoints.0.path: "),
        ("body-unless-false", "header", "endpoints.0: "),
        ("path: api/chat", "path: api/(a+)+", "endpoints.0.path: "),
        ("methods: [GET, PUT]", "methods: [TRACE]", "endpoints.1.methods.0: "),
        ("methods: [GET, PUT]", "methods: []", "endpoints.1.methods: "),
        ("closed: [api/pull/**]", "closed: ['**']", "closed.0: "),
        ("verdict: no_funds", "verdict: broke", "verdicts.0.verdict: "),
        ("status: 402", "status: 42", "verdicts.1.status.0: "),
        ("code: [Arrearage, 1113]", "code: yes", "verdicts.0.code.0: "),
        ("status: 402, ret", "ret", "verdicts.1: "),
        ("code: [Arrearage, 1113]", "message_has: no", "verdicts.0.message_has.0: "),
        ("code: [Arrearage, 1113]", "message_has: poor", "verdicts.0: "),
        ("id: local", "id: local\nid: local", "id is there twice"),
        ("id: local", "id: [", "not readable as YAML"),
        ("id: local", "id: !!python/object:os.system {}", "not readable as YAML"),
    ],
)
def test_a_mistake_stops_the_process_with_file_and_field(
    folder: Path, was: str, now: str, complaint: str
) -> None:
    assert was in LOCAL
    (folder / "vendors" / "local.yaml").write_text(LOCAL.replace(was, now, 1))
    with pytest.raises(BadSetup) as stopped:
        read_catalog(folder)
    assert str(stopped.value).startswith("local.yaml: ")
    assert complaint in str(stopped.value)


def test_a_mistake_in_what_vendors_share_is_named_too(folder: Path) -> None:
    shared = folder / "endpoint_sets.yaml"
    shared.write_text(shared.read_text().replace("  gemini:", "  gemini:\n    open: true"))
    with pytest.raises(BadSetup, match=r"^endpoint_sets\.yaml: sets\.gemini\.open: "):
        read_catalog(folder)
