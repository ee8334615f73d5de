"""How an MCP server is reached: a program that is started, or an address that is asked.

A program is one of four launchers by its bare name, and no shell is ever between: what
stands in an argument is that argument. The options of `npx` and `uvx` are ours alone, since
some of theirs run any text as a command; a team says which package of which version, and
what comes behind it. `${key}` stands for a field of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.config_fields import ConfigField, Value
from domain.errors import InvalidFields

COMMANDS = ("npx", "uvx", "node", "python3")
MOST_ARGS = 50
MOST_PAIRS = 40
LONGEST_ARG = 2_000

_FIELD = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\}")
_NPM = re.compile(r"(?:@[a-z0-9][a-z0-9._-]{0,100}/)?[a-z0-9][a-z0-9._-]{0,100}")
_PYPI = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.+-]{0,60})")
_EXECUTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,9}")
_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._@][A-Za-z0-9._@-]*"
_SCRIPT = re.compile(rf"/?{_SEGMENT}(?:/{_SEGMENT}){{0,20}}")
_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
# What changes which program runs, or what it loads before it begins.
_NOT_OURS_TO_SET = re.compile(
    r"(?:PATH|HOME|SHELL|ENV|BASH_ENV|IFS|TMPDIR|PERL5LIB|.*_PROXY)"
    r"|NODE_(?:OPTIONS|PATH|EXTRA_CA_CERTS|TLS_.*)|PYTHON[A-Z]+"
    r"|GIT_(?:SSH|EXEC|CONFIG|EXTERNAL|PAGER|EDITOR|ASKPASS|DIR).*"
    r"|(?:LD|DYLD|NPM|UV|PIP|SSL|CLAWBOT)_.*"
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_HOP = {"host", "connection", "content-length", "transfer-encoding", "upgrade", "te"}


class Registry(StrEnum):
    """Where a package comes from."""

    NPM = "npm"
    PYPI = "pypi"


@dataclass(frozen=True, kw_only=True)
class Package:
    """What is installed. Without a version nothing is pinned."""

    registry: Registry
    name: str
    version: str = ""
    executable: str = ""  # of the package; "": the one of its own name


@dataclass(frozen=True, kw_only=True)
class StdioLaunch:
    """A program that speaks over its standard input and output."""

    command: str
    args: tuple[str, ...] = ()  # behind the package, if there is one
    env: tuple[tuple[str, str], ...] = ()
    package: Package | None = None


@dataclass(frozen=True, kw_only=True)
class HttpLaunch:
    """A server that is asked over streamable HTTP."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


Launch = StdioLaunch | HttpLaunch


@dataclass(frozen=True, kw_only=True)
class Started:
    """What to start, word by word. The values may be secrets: it is never printed."""

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Started({self.command})"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to ask, with which headers. They may be secrets: it is never printed."""

    url: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Asked(…)"


def check_launch(launch: Launch, fields: Sequence[ConfigField]) -> None:
    """Refused with `InvalidFields` unless it can be started or asked as it is.

    Whether the address of an `HttpLaunch` may be asked is for `domain.destinations`.
    """
    keys = {one.key: one for one in fields}
    if isinstance(launch, StdioLaunch):
        wrong = dict(_wrong_program(launch, keys))
    else:
        wrong = dict(_wrong_headers(launch, keys))
    if wrong:
        raise InvalidFields(**wrong)


def _wrong_program(
    launch: StdioLaunch, keys: Mapping[str, ConfigField]
) -> Iterator[tuple[str, str]]:
    if launch.command not in COMMANDS:
        yield "command", "not-allowed"
        return
    yield from _wrong_start(launch)
    if len(launch.args) > MOST_ARGS:
        yield "args", "too-many"
    for place, arg in enumerate(launch.args):
        code = _wrong_template(arg, keys, whole=True)
        if code is not None:
            yield f"args.{place}", code
    if len(launch.env) > MOST_PAIRS or len(dict(launch.env)) < len(launch.env):
        yield "env", "too-many"
    for name, value in launch.env:
        if _ENV_NAME.fullmatch(name) is None or _NOT_OURS_TO_SET.fullmatch(name):
            yield f"env.{name[:64]}", "not-allowed"
        elif (code := _wrong_template(value, keys)) is not None:
            yield f"env.{name}", code


def _wrong_start(launch: StdioLaunch) -> Iterator[tuple[str, str]]:
    package = launch.package
    if launch.command in {"npx", "uvx"}:
        registry = Registry.NPM if launch.command == "npx" else Registry.PYPI
        if package is None or package.registry is not registry:
            yield "package", "missing"
            return
        name = _NPM if registry is Registry.NPM else _PYPI
        if name.fullmatch(package.name) is None:
            yield "package", "not-a-package"
        if _VERSION.fullmatch(package.version) is None:
            yield "version", "not-a-version"
        if package.executable and _EXECUTABLE.fullmatch(package.executable) is None:
            yield "executable", "not-a-name"
        return
    if package is not None:
        yield "package", "not-for-this-command"
    first, second = (*launch.args, "", "")[:2]
    if launch.command == "python3" and first == "-m":
        if _MODULE.fullmatch(second) is None:
            yield "args.1", "not-a-module"
    elif _SCRIPT.fullmatch(first) is None:
        yield "args.0", "not-a-script"


def _wrong_headers(
    launch: HttpLaunch, keys: Mapping[str, ConfigField]
) -> Iterator[tuple[str, str]]:
    if len(launch.headers) > MOST_PAIRS:
        yield "headers", "too-many"
    for name, value in launch.headers:
        if _HEADER.fullmatch(name) is None or name.lower() in _HOP:
            yield f"headers.{name[:64]}", "not-allowed"
        elif (code := _wrong_template(value, keys)) is not None:
            yield f"headers.{name}", code


def _wrong_template(
    text: str, keys: Mapping[str, ConfigField], *, whole: bool = False
) -> str | None:
    if len(text) > LONGEST_ARG:
        return "too-long"
    if _UNPRINTABLE.search(text):
        return "not-plain-text"
    for found in _FIELD.finditer(text):
        one = keys.get(found[1])
        if one is None:
            return "no-such-field"
        if one.type == "array" and not (whole and found[0] == text):
            return "array-stands-alone"
        if one.secret and whole:  # arguments are seen by every process of the machine
            return "secret-in-arguments"
    return None


def launch_of(
    launch: StdioLaunch,
    fields: Sequence[ConfigField],
    config: Mapping[str, Value],
    *,
    version: str = "",
) -> Started:
    """The words to start it with; `config` holds the secrets too.

    A list stands for several arguments; an argument or a variable with a field that has no
    value is left out. `version` is what was installed, if not what the launch says.
    """
    values = _values(fields, config)
    args = [*_of_package(launch, version)]
    for arg in launch.args:
        alone = _FIELD.fullmatch(arg)
        value = values.get(alone[1]) if alone else None
        if isinstance(value, list | tuple):
            args += value
        elif (text := _filled(arg, values)) is not None:
            args.append(text)
    return Started(command=launch.command, args=tuple(args), env=_pairs(launch.env, values))


def asked_of(
    launch: HttpLaunch, fields: Sequence[ConfigField], config: Mapping[str, Value]
) -> Asked:
    """The address and the headers to ask it with; `config` holds the secrets too."""
    return Asked(url=launch.url, headers=_pairs(launch.headers, _values(fields, config)))


def _of_package(launch: StdioLaunch, version: str) -> Iterator[str]:
    package = launch.package
    if package is None:
        return
    pinned = version or package.version
    name = f"{package.name}@{pinned}" if pinned else package.name
    if launch.command == "npx":
        yield from (
            ("-y", f"--package={name}", package.executable)
            if (package.executable)
            else ("-y", name)
        )
    else:
        yield from ("--from", name, package.executable) if package.executable else (name,)


def _values(fields: Sequence[ConfigField], config: Mapping[str, Value]) -> dict[str, Value]:
    given = {key: value for key, value in config.items() if value is not None}
    return {one.key: given.get(one.key, one.default) for one in fields}


def _pairs(pairs: Sequence[tuple[str, str]], values: Mapping[str, Value]) -> dict[str, str]:
    filled = ((name, _filled(value, values)) for name, value in pairs)
    return {name: value for name, value in filled if value is not None}


def _filled(text: str, values: Mapping[str, Value]) -> str | None:
    """The text with its fields filled in once; None if one of them has no value."""
    if any(values.get(found[1]) is None for found in _FIELD.finditer(text)):
        return None
    return _FIELD.sub(lambda found: _text(values[found[1]]), text)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
