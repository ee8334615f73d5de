"""How MCP servers are started: four launchers, no shell, and no secret in an argument."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from domain.config_fields import ConfigField, FieldType, Value
from domain.errors import InvalidFields
from domain.plugin_launch import (
    HttpLaunch,
    Launch,
    Package,
    Registry,
    StdioLaunch,
    asked_of,
    check_launch,
    launch_of,
)

FIELDS = (
    ConfigField(key="paths", type=FieldType.ARRAY, default=("/workspace",)),
    ConfigField(key="zone"),
    ConfigField(key="port", type=FieldType.NUMBER, default=3306),
    ConfigField(key="safe", type=FieldType.BOOLEAN, default=True),
    ConfigField(key="token", secret=True),
)
NPM = Package(registry=Registry.NPM, name="@acme/server", version="1.2.3")
PYPI = Package(registry=Registry.PYPI, name="acme-server", version="0.1.0")


def refused(launch: Launch) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        check_launch(launch, FIELDS)
    return caught.value.codes


def npx(**fields: Any) -> StdioLaunch:
    given: dict[str, Any] = {"command": "npx", "package": NPM} | fields
    return StdioLaunch(**given)


def started(launch: StdioLaunch, config: dict[str, Value], **options: Any) -> list[str]:
    check_launch(launch, FIELDS)
    one = launch_of(launch, FIELDS, config, **options)
    return [one.command, *one.args]


def test_a_package_is_started_in_its_pinned_version() -> None:
    assert started(npx(), {}) == ["npx", "-y", "@acme/server@1.2.3"]
    assert started(npx(), {}, version="1.0.0")[-1] == "@acme/server@1.0.0"
    uvx = StdioLaunch(command="uvx", package=PYPI, args=("--x",))
    assert started(uvx, {}) == ["uvx", "acme-server@0.1.0", "--x"]


def test_a_package_may_have_a_program_of_another_name() -> None:
    named = Package(registry=Registry.NPM, name="a", version="1", executable="b")
    assert started(npx(package=named), {}) == ["npx", "-y", "--package=a@1", "b"]
    named = Package(registry=Registry.PYPI, name="a", version="1", executable="b")
    uvx = StdioLaunch(command="uvx", package=named)
    assert started(uvx, {}) == ["uvx", "--from", "a@1", "b"]


def test_a_list_stands_for_several_arguments_and_nothing_for_none() -> None:
    launch = npx(args=("--zone=${zone}", "${paths}", "-p", "${port}:${safe}"))
    whole = started(launch, {"paths": ("/a b", "/c;d"), "zone": "x y"})
    assert whole[3:] == ["--zone=x y", "/a b", "/c;d", "-p", "3306:true"]
    assert started(launch, {})[3:] == ["/workspace", "-p", "3306:true"]


def test_a_value_is_filled_in_once_and_never_read_again() -> None:
    launch = npx(args=("${zone}",), env=(("TOKEN", "${token}"), ("Z", "${zone}")))
    one = launch_of(launch, FIELDS, {"zone": "${token} $(id)", "token": "s3cret"})
    assert one.args[-1] == "${token} $(id)"
    assert one.env == {"TOKEN": "s3cret", "Z": "${token} $(id)"}
    assert "s3cret" not in repr(one)
    assert launch_of(launch, FIELDS, {}).env == {}


@pytest.mark.parametrize("command", ["sh", "bash", "/bin/sh", "npx ", "env", "docker", ""])
def test_only_four_launchers_are_started(command: str) -> None:
    assert refused(npx(command=command)) == {"command": "not-allowed"}


@pytest.mark.parametrize(
    "name",
    [
        "acme/server",
        "git+https://x.example/y",
        "../x",
        "x@latest",
        "--call",
        "a b",
        "",
        "X",
    ],
)
def test_a_package_is_a_name_and_nothing_else(name: str) -> None:
    package = Package(registry=Registry.NPM, name=name, version="1.0.0")
    assert refused(npx(package=package)) == {"package": "not-a-package"}


@pytest.mark.parametrize("version", ["", "latest ", "^1", "1 || 2", "../", "-c"])
def test_a_version_is_pinned(version: str) -> None:
    package = Package(registry=Registry.NPM, name="acme", version=version)
    assert refused(npx(package=package)) == {"version": "not-a-version"}


def test_a_launcher_has_the_package_of_its_own_registry() -> None:
    assert refused(npx(package=PYPI)) == {"package": "missing"}
    assert refused(npx(package=None)) == {"package": "missing"}
    assert refused(npx(command="uvx")) == {"package": "missing"}
    assert refused(npx(command="node", args=("server.js",))) == {
        "package": "not-for-this-command"
    }


@pytest.mark.parametrize(
    "args",
    [
        ("-e", "1"),
        ("--eval=1",),
        ("-r", "x"),
        (),
        ("../x.js",),
        ("/a/../b.js",),
        ("${zone}",),
        ("a//b",),
    ],
)
def test_an_interpreter_is_given_a_script_and_no_text_to_run(args: tuple[str, ...]) -> None:
    for command in ("node", "python3"):
        launch = StdioLaunch(command=command, args=args)
        assert refused(launch) == {"args.0": "not-a-script"}


def test_python_runs_a_module_too() -> None:
    good = StdioLaunch(command="python3", args=("-m", "acme.server", "-c"))
    assert started(good, {}) == ["python3", "-m", "acme.server", "-c"]
    bad = StdioLaunch(command="python3", args=("-m", "acme;x"))
    assert refused(bad) == {"args.1": "not-a-module"}
    node = StdioLaunch(command="node", args=("-m", "x"))
    assert refused(node) == {"args.0": "not-a-script"}
    assert (
        started(StdioLaunch(command="node", args=("/srv/a.js", "x")), {})[1] == "/srv/a.js"
    )


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "LD_PRELOAD", "NODE_OPTIONS", "PYTHONSTARTUP", "NPM_CONFIG_REGISTRY"),
        *("UV_INDEX_URL", "HTTPS_PROXY", "GIT_SSH_COMMAND", "BASH_ENV", "lower", "A=B", ""),
    ],
)
def test_the_environment_does_not_change_what_runs(name: str) -> None:
    assert refused(npx(env=((name, "x"),))) == {f"env.{name}": "not-allowed"}


def test_templates_name_fields_and_no_argument_holds_a_secret() -> None:
    assert refused(npx(args=("${other}",))) == {"args.0": "no-such-field"}
    assert refused(npx(args=("--t=${token}",))) == {"args.0": "secret-in-arguments"}
    assert refused(npx(args=("--x=${paths}",))) == {"args.0": "array-stands-alone"}
    assert refused(npx(env=(("A", "${paths}"),))) == {"env.A": "array-stands-alone"}
    assert refused(npx(args=("a\nb",))) == {"args.0": "not-plain-text"}
    assert refused(npx(args=("a" * 2001,))) == {"args.0": "too-long"}
    assert refused(npx(args=("a",) * 51)) == {"args": "too-many"}
    assert refused(npx(env=(("A", "1"), ("A", "2")))) == {"env": "too-many"}


def test_a_server_is_asked_with_headers_that_hold_secrets() -> None:
    launch = HttpLaunch(
        url="https://mcp.example.com/mcp", headers=(("Authorization", "Bearer ${token}"),)
    )
    check_launch(launch, FIELDS)
    asked = asked_of(launch, FIELDS, {"token": "s3cret"})
    assert asked.headers == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(asked)
    for name in ("Host", "a b", "Content-Length", ""):
        wrong = HttpLaunch(url=launch.url, headers=((name, "x"),))
        assert refused(wrong) == {f"headers.{name}": "not-allowed"}
    cut = HttpLaunch(url=launch.url, headers=(("X", "a\r\nb"),))
    assert refused(cut) == {"headers.X": "not-plain-text"}


@supposing(st.lists(st.text(max_size=20), max_size=6), st.sampled_from(["npx", "uvx"]))
def test_what_a_team_writes_never_comes_before_the_package(
    args: list[str], command: str
) -> None:
    package = NPM if command == "npx" else PYPI
    launch = StdioLaunch(command=command, package=package, args=tuple(args))
    try:
        check_launch(launch, FIELDS)
    except InvalidFields:
        return
    words = launch_of(launch, FIELDS, {"zone": "-c"}).args
    head = ("-y",) if command == "npx" else ()
    assert words[: len(head) + 1] == (*head, f"{package.name}@{package.version}")
