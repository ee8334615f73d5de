"""Every container is confined as the template says, and finds it so from inside."""

from __future__ import annotations

import pytest

from domain.containers import NetworkPolicy, Resources
from tests.engine.given import Bots, until
from tests.engine.images import BOT_IMAGE, BREAKOUT_IMAGE

pytestmark = pytest.mark.xdist_group("dockerd")

MIB = 2**20


@pytest.fixture
def openclaw_image(bots: Bots) -> str:
    """The same image under a name that makes it OpenClaw's."""
    with bots.dockerd.client() as client:
        client.images.get(BREAKOUT_IMAGE).tag("clawbot/openclaw", "1")
    return "clawbot/openclaw:1"


@pytest.mark.parametrize("policy", list(NetworkPolicy))
@pytest.mark.parametrize("port", [None, 18_100])
def test_every_container_has_every_setting_of_the_template(
    bots: Bots, policy: NetworkPolicy, port: int | None
) -> None:
    spec = bots.spec(
        image=BOT_IMAGE,
        network=policy,
        port=port,
        resources=Resources(memory_mb=96, cpu_millis=250, pids=40),
    )
    inspected = bots.inspected(bots.engine.create(spec))
    host, config = inspected["HostConfig"], inspected["Config"]
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], [])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]  # and no `unconfined`
    assert (host["Privileged"], host["ReadonlyRootfs"], host["Init"]) == (False, True, True)
    assert host["Tmpfs"] == {"/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=64m"}
    assert (host["Memory"], host["MemorySwap"]) == (96 * MIB, 96 * MIB)
    assert (host["NanoCpus"], host["PidsLimit"]) == (250_000_000, 40)
    assert host["OomKillDisable"] in {False, None}
    limits = {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in host["Ulimits"]}
    assert limits == {"nofile": (4096, 4096), "core": (0, 0)}
    logs = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert host["LogConfig"] == logs
    assert host["RestartPolicy"]["Name"] == "no"
    assert (host["IpcMode"], host["CgroupnsMode"]) == ("private", "private")
    assert (host["PidMode"], host["UTSMode"], host["UsernsMode"]) == ("", "", "")
    assert not host["NetworkMode"].startswith(("host", "default", "container", "bridge"))
    assert (host["Devices"], host["DeviceRequests"]) == ([], None)
    assert (host["Binds"] or [], host["VolumesFrom"], host["Links"]) == ([], None, None)
    assert host["PublishAllPorts"] is False
    assert {
        entry["HostIp"] for bound in host["PortBindings"].values() for entry in bound
    } <= {"127.0.0.1"}
    assert len(host["PortBindings"]) == (port is not None)
    assert (config["User"], config["Hostname"], config["Tty"]) == (
        "1000:1000",
        "ada",
        False,
    )
    assert not any("cbt_" in entry for entry in config["Env"])
    assert config["Labels"]["clawbot.instance"] == str(bots.setup.instance)
    assert config["Labels"]["clawbot.bot"] == str(spec.bot_id)
    assert config["Labels"]["clawbot.team"] == str(spec.team_id)
    assert config["Labels"]["clawbot.generation"] == "1"
    name = f"cbm-{bots.setup.instance.hex[:12]}-{spec.bot_id.hex}"
    assert inspected["Name"] == f"/{name}"


@pytest.mark.parametrize("is_openclaw", [False, True])
def test_the_folders_of_a_bot_are_where_its_software_looks(
    bots: Bots, openclaw_image: str, *, is_openclaw: bool
) -> None:
    spec = bots.spec(image=openclaw_image if is_openclaw else BOT_IMAGE)
    inspected = bots.inspected(bots.engine.create(spec))
    own, secrets = bots.setup.data_dir / str(spec.bot_id), bots.setup.secrets_dir
    found = {
        mount["Source"]: (mount["Destination"], mount["RW"])
        for mount in inspected["Mounts"]
    }
    home = "/home/node"
    assert found == {
        f"{own}/config": ("/etc/openclaw" if is_openclaw else "/etc/bot", False),
        f"{own}/workspace": (f"{home}/workspace" if is_openclaw else "/workspace", True),
        f"{own}/state": (f"{home}/.openclaw" if is_openclaw else "/state", True),
        f"{secrets}/{spec.bot_id}": ("/run/openclaw" if is_openclaw else "/run/bot", False),
    }
    assert (home in inspected["HostConfig"]["Tmpfs"]) is is_openclaw
    environment = inspected["Config"]["Env"]
    assert ("OPENCLAW_CONFIG_READONLY=1" in environment) is is_openclaw
    assert ("BOT_TOKEN_FILE=/run/bot/token" in environment) is not is_openclaw
    assert f"PROXY_BASE_URL=http://clawbot-proxy:{bots.setup.proxy_port}" in environment


def test_who_tries_to_break_out_finds_nothing_to_break(bots: Bots) -> None:
    bot = bots.running()
    until(lambda: list(bots.engine.logs(bot, tail=1)))
    found = bots.asks(bot, "findings")
    assert found["uid"] == 1000
    assert found["groups"] in ([], [1000])
    assert set(found["capabilities"].values()) == {"0000000000000000"}
    assert (found["no_new_privileges"], found["seccomp"]) == ("1", "2")
    assert found["writable"] == ["/tmp", "/workspace", "/state"]
    assert "euid" not in found["setuid_gives"]
    assert "uid=1000" in found["setuid_gives"]
    for attempt in ("runs_from_tmp", "mounts", "new_user_namespace", "raw_socket"):
        assert found[attempt] is False, attempt
    assert found["becomes_root"] is False
    assert not {"sda", "vda", "mem", "kmsg", "fuse", "kvm"} & set(found["devices"])
    assert found["sockets"] == []
    assert len(found["processes"]) < 6
    assert 4000 < found["open_files"] <= 4096


def test_a_bot_can_take_no_more_than_its_share(bots: Bots) -> None:
    bot = bots.running()
    assert 0 < bots.asks(bot, "fork", "5000")["children"] < 64
    assert bots.asks(bot, "fill", "32") == {"mib": 32}
    assert bots.asks(bot, "fill", "4096") is None  # 128 MiB: killed
