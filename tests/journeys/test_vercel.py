"""Vercel's AI SDK, unmodified, gets its answers through the proxy: npm's `ai`.

It is installed into a folder of its own, as its lock says.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.calls import CallSettled
from domain.usage import UsageSource
from tests.journeys.plane import DataPlane, TestBot, new_model

pytestmark = pytest.mark.xdist_group("sdks")

HERE = Path(__file__).parent / "vercel"
FILES = ("package.json", "package-lock.json", ".npmrc", "ask.mjs")
INSTALL_SECONDS = 110
SAID = "Hello from the simulator. You said: hello"
PROVIDERS = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
}
plain_and_streamed = pytest.mark.parametrize("do", ["ask", "stream"])
every_provider = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which node finds the SDK."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm and node are not installed")
    folder = tmp_path_factory.mktemp("vercel")
    for name in FILES:
        shutil.copy(HERE / name, folder)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        install,
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def node(installed: Path) -> Iterator[subprocess.Popen[str]]:
    """A node process that asks; it ends with its standard input."""
    pipe = subprocess.PIPE
    command = ["node", "ask.mjs"]
    with subprocess.Popen(
        command, cwd=installed, stdin=pipe, stdout=pipe, text=True
    ) as process:
        yield process


def asked(node: subprocess.Popen[str], **job: Any) -> dict[str, Any]:
    """What came of it."""
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps(job) + "\n")
    node.stdin.flush()
    result: dict[str, Any] = json.loads(node.stdout.readline())
    return result


def settled_as_booked(plane: DataPlane, bot: TestBot, model: str, *, calls: int) -> None:
    plane.ended(bot, calls)
    settled = [e.event for e in plane.events(bot) if isinstance(e.event, CallSettled)]
    booked = plane.ledger(model)
    assert [(one.usage.input_tokens, one.usage.output_tokens) for one in settled] == [
        (item["input_tokens"], item["output_tokens"]) for item in booked
    ]
    assert len(settled) == calls
    assert {one.usage.source for one in settled} == {UsageSource.REPORTED}


@every_provider
@plain_and_streamed
def test_text_arrives_and_is_settled_as_the_vendor_counted_it(
    data_plane: DataPlane, node: subprocess.Popen[str], provider: str, do: str
) -> None:
    bot = data_plane.new_bot(data_plane.key_of(PROVIDERS[provider]))
    job = {"provider": provider, "url": data_plane.url, "token": bot.token}
    model = new_model("+cached=2")
    result = asked(node, do=do, model=model, **job)
    assert result == {"text": SAID, "toolCalls": [], "steps": 1}
    settled_as_booked(data_plane, bot, model, calls=1)


@every_provider
@plain_and_streamed
def test_a_tool_is_called_and_its_result_is_answered(
    data_plane: DataPlane, node: subprocess.Popen[str], provider: str, do: str
) -> None:
    bot = data_plane.new_bot(data_plane.key_of(PROVIDERS[provider]))
    job = {"provider": provider, "url": data_plane.url, "token": bot.token}
    model = new_model("+tool")
    result = asked(node, do=do, tools=True, model=model, **job)
    assert (result["toolCalls"], result["steps"]) == ([{"text": "hello"}], 2)
    assert result["text"].startswith("Hello from the simulator.")
    settled_as_booked(data_plane, bot, model, calls=2)


def test_embeddings_are_settled_as_the_vendor_counted_them(
    data_plane: DataPlane, node: subprocess.Popen[str]
) -> None:
    bot = data_plane.new_bot(data_plane.key_of("openai"))
    job = {"provider": "openai-chat", "url": data_plane.url, "token": bot.token}
    model = new_model()
    assert asked(node, do="embed", model=model, **job) == {"vector": 8}
    settled_as_booked(data_plane, bot, model, calls=1)


@every_provider
@plain_and_streamed
def test_our_refusals_and_the_vendors_are_the_sdks_own_errors(
    data_plane: DataPlane, node: subprocess.Popen[str], provider: str, do: str
) -> None:
    job = {"provider": provider, "url": data_plane.url, "do": do}
    refused = asked(node, model="m", token="cbt_nobody", **job)["error"]
    assert (refused["name"], refused["statusCode"]) == ("AI_APICallError", 401)
    assert "unauthenticated" in refused["responseBody"]
    # A key that is told to wait cools down: this one is nobody else's.
    bot = data_plane.new_bot(data_plane.add_key(PROVIDERS[provider]))
    model = new_model("+status=429")
    limited = asked(node, model=model, token=bot.token, **job)["error"]
    assert limited["statusCode"] == 429
    assert "Simulated status 429" in limited["message"]
