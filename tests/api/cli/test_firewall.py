"""`clawbot firewall`: what it shows and takes out of a host's firewall."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest

from adapters.docker import host_rules
from adapters.docker.firewall import Firewall
from adapters.docker.naming import Naming
from adapters.docker.setup import EngineSetup
from adapters.relays.mcp.fence import PluginFence
from tests.api.cli.running import Shell
from tests.engine.room import Room
from tests.vaults import OLD, api_on


def test_what_every_instance_has_left_is_shown_and_taken_out(shell: Shell) -> None:
    setup = EngineSetup(
        instance=UUID(int=0xABCDE << 108),
        data_dir=shell.folder,
        secrets_dir=shell.folder,
        images_allowed=(),
    )
    room = Room()
    try:
        with room.inside():
            host_rules.run("iptables", "-A", "OUTPUT", "-d", "192.0.2.1", "-j", "DROP")
            assert Naming(setup.instance).tag == "abcde"
            Firewall(setup).ensure()
            PluginFence("01234").ensure()
            shown = shell.run("firewall", "show", "--every-instance", "--json")
            assert (shown.code, shown.document["instances"]) == (0, ["01234", "abcde"])
            assert any("CLAWBOT-BOTS-abcde" in rule for rule in shown.document["rules"])
            removed = shell.run("firewall", "remove", "--every-instance", "--json")
            assert removed.document == {"removed": len(shown.document["rules"])}
            assert shell.run("firewall", "show", "--every-instance").code == 1
            left = [
                line for line in host_rules.saved() if "CLAWBOT" in line or "-d" in line
            ]
            assert left == ["-A OUTPUT -d 192.0.2.1/32 -j DROP"]
    finally:
        room.close()


def test_an_instance_without_rules_has_none_to_take_out(
    shell: Shell, database_url: str
) -> None:
    with api_on(database_url):
        pass  # the instance is made
    key = ",".join(f"{k}:{base64.b64encode(v).decode()}" for k, v in OLD.items())
    settings = {"DATABASE_URL": database_url, "BOT_MASTER_KEY": key}
    shown = shell.run("firewall", "show", **settings)
    assert (shown.code, shown.out) == (1, "There are no such rules on this host.\n")
    removed = shell.run("firewall", "remove")
    assert (removed.code, removed.out) == (0, "0 rules were removed.\n")


def test_who_may_not_see_the_firewall_is_told_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    refused = shell.run("firewall", "remove", "--every-instance")
    assert refused.code == 2
    assert "as root" in refused.err
