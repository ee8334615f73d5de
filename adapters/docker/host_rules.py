"""The host's packet filter, as `iptables` shows and changes it. Needs root (CAP_NET_ADMIN).

Chains of ours begin with `CLAWBOT-`, say what they guard, and end in the first five digits
of the instance's id on the engine, so that two instances on one host leave each other be.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from application.engines import CannotRun

SECONDS = 30
BOTS, PLUGINS = "CLAWBOT-BOTS-", "CLAWBOT-MCP-"
_OURS = re.compile(rf"^:(?:{BOTS}|{PLUGINS})([0-9a-f]{{5}})|-i cb([0-9a-f]{{5}})\+ -j DROP")


def saved(command: str = "iptables") -> list[str]:
    """Everything that is in force, tables and chains too, as its `-save` prints it."""
    lines = run(f"{command}-save").splitlines()
    return [line for line in lines if line.startswith(("-", "*", ":"))]


def remove_chains(prefix: str, command: str = "iptables") -> None:
    """No chain of that beginning is left, nor a jump to one."""
    table = ""
    chains: list[tuple[str, str]] = []
    for line in saved(command):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(f":{prefix}"):
            chains.append((table, line[1:].split()[0]))
        elif line.startswith("-A") and f"-j {prefix}" in line:
            # Jumps first, for a chain that is jumped to cannot go.
            run(command, "--wait", "-t", table, "-D", *words(line)[1:])
    for table, chain in chains:
        run(command, "--wait", "-t", table, "-F", chain)
        run(command, "--wait", "-t", table, "-X", chain)


def replace_chains(prefix: str, rules: str, command: str = "iptables") -> None:
    """What begins so is what the rules say; no packet meets a table without them.

    The rules are as `iptables-restore --noflush` reads them: it empties the chains that it
    is told of, and does in one go whatever is asked of a table.
    """
    wanted, found = _by_table(rules.splitlines()), _by_table(saved(command))
    given: list[str] = []
    for table in [*wanted, *(table for table in found if table not in wanted)]:
        lines, there = wanted.get(table, []), found.get(table, [])
        chains = [line for line in lines if line.startswith(":")]
        kept = {_chain(line) for line in chains}
        gone = [one for one in _chains(prefix, there) if one not in kept]
        given += [f"*{table}", *chains, *_jumps_out(prefix, there)]
        given += [line for line in lines if line.startswith("-")]
        given += [f"-{act} {chain}" for act in "FX" for chain in gone]
        given += ["COMMIT"]
    run(f"{command}-restore", "--noflush", "--wait", given="\n".join([*given, ""]))


def remove_drop(bridges: str) -> None:
    """The rule that closes IPv6 to bridges of that beginning is gone."""
    for line in saved("ip6tables"):
        if line.startswith(f"-A PREROUTING -i {bridges}+ "):
            run("ip6tables", "--wait", "-t", "mangle", "-D", *words(line)[1:])


def of_instance(tag: str, command: str = "iptables") -> list[str]:
    """The rules in force that are of the instance of these five digits."""
    ours = (f"{BOTS}{tag}", f"{PLUGINS}{tag}", f"-i cb{tag}+")
    found = saved(command)
    return [one for one in found if one[0] == "-" and any(name in one for name in ours)]


def instances() -> list[str]:
    """The five digits of every instance that has rules here."""
    return sorted({tag for command in commands() for tag in _tags(command)})


def remove_instance(tag: str) -> None:
    """No rule of that instance is left; its running bots and plugins are unguarded."""
    for command in commands():
        for prefix in (BOTS, PLUGINS):
            remove_chains(f"{prefix}{tag}", command)
    if has_version_6():
        remove_drop(f"cb{tag}")


def commands() -> Sequence[str]:
    """Those whose rules this host obeys."""
    return ("iptables", "ip6tables") if has_version_6() else ("iptables",)


def has_version_6() -> bool:
    return Path("/proc/net/if_inet6").exists()


def words(rule: str) -> Sequence[str]:
    """A saved rule as arguments."""
    return [word.strip('"') for word in rule.split()]


def run(*command: str, given: str = "") -> str:
    """What it printed; `CannotRun` if it is not there, or refuses."""
    try:
        ran = subprocess.run(  # noqa: S603  # fixed commands, names made by us
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        detail = f"the firewall could not be set: {error.stderr.strip()[:200]}"
        raise CannotRun("engine-refused", detail) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        detail = f"the firewall could not be set: {command[0]}: {type(error).__name__}"
        raise CannotRun("engine-refused", detail) from error
    return ran.stdout


def _tags(command: str) -> Iterator[str]:
    for line in saved(command):
        if found := _OURS.search(line):
            yield found[1] or found[2]


def _by_table(lines: Sequence[str]) -> dict[str, list[str]]:
    """Chains and rules under their tables, which begin with a line of their own."""
    tables: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("*"):
            tables[line[1:]] = []
        elif line.startswith((":", "-")):
            tables[next(reversed(tables))].append(line)
    return tables


def _chain(line: str) -> str:
    return line[1:].split(maxsplit=1)[0]


def _chains(prefix: str, lines: Sequence[str]) -> list[str]:
    return [_chain(line) for line in lines if line.startswith(f":{prefix}")]


def _jumps_out(prefix: str, lines: Sequence[str]) -> list[str]:
    """What takes the jumps to chains of that beginning out of the chains of others."""
    jumps = [line for line in lines if line.startswith("-A") and f"-j {prefix}" in line]
    return [f"-D{line[2:]}" for line in jumps if not line.startswith(f"-A {prefix}")]
