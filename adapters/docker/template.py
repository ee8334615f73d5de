"""The one hardened template: what the engine is told to make a bot's container from.

Pure: a wish and an address in, the body of the Engine API's `POST /containers/create` out.
Nobody but this function decides what a container may do; users choose name, image and
sizes. `tests/engine/test_hardening.py` reads each line back from a running container.

Seccomp and AppArmor are not named, for the engine's default profiles are meant. There is
no restart policy: the reconciler starts again what ended, so that each start is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.docker.naming import PROXY_HOST, Naming, proxy_url
from adapters.docker.setup import EngineSetup
from domain.containers import ContainerSpec
from domain.images import ImageFamily, image_of

MIB = 2**20
CPU = 1_000_000  # nano CPUs in a thousandth of one
NOFILE = 4096
TMPFS = "rw,noexec,nosuid,nodev,mode=1777,size=64m"
LOGS = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
# A bot that may not go out learns within seconds that there are no names.
DNS_OPTIONS = ["timeout:2", "attempts:2"]
# What a bot listens on inside.
PORTS = {ImageFamily.OPENCLAW: 18789, ImageFamily.PLAIN: 8080}
# Where its folders are inside: config and secrets are read-only.
FOLDERS = {
    ImageFamily.OPENCLAW: {
        "config": "/etc/openclaw",
        "workspace": "/home/node/workspace",
        "state": "/home/node/.openclaw",
        "secrets": "/run/openclaw",
    },
    ImageFamily.PLAIN: {
        "config": "/etc/bot",
        "workspace": "/workspace",
        "state": "/state",
        "secrets": "/run/bot",
    },
}
READ_ONLY = frozenset({"config", "secrets"})


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a container is put: in a network, at an address."""

    network: str
    address: str
    gateway: str


def container(
    spec: ContainerSpec, setup: EngineSetup, place: Place, image_id: str
) -> dict[str, Any]:
    """The body; `image_id` is what the allowed reference means on this engine."""
    family = image_of(spec.image).family
    port = f"{PORTS[family]}/tcp"
    return {
        "Image": image_id,
        "Hostname": spec.hostname,
        "User": user(setup),
        "Env": environment(spec, setup),
        "Labels": Naming(setup.instance).labels(spec),
        "ExposedPorts": {} if spec.port is None else {port: {}},
        "AttachStdin": False,
        "OpenStdin": False,
        "Tty": False,
        "HostConfig": {
            **_CONFINED,
            **_limits(spec),
            "NetworkMode": place.network,
            "ExtraHosts": [f"{PROXY_HOST}:{place.gateway}"],
            "Dns": list(setup.dns),
            "DnsOptions": DNS_OPTIONS,
            "PortBindings": {}
            if spec.port is None
            else {port: [{"HostIp": "127.0.0.1", "HostPort": str(spec.port)}]},
            "Tmpfs": tmpfs(family, setup),
            "Mounts": [
                {
                    "Type": "bind",
                    "Source": str(source),
                    "Target": target,
                    "ReadOnly": name in READ_ONLY,
                    "BindOptions": {"Propagation": "rprivate"},
                }
                for name, source, target in folders(spec, setup)
            ],
        },
        "NetworkingConfig": {
            "EndpointsConfig": {
                place.network: {"IPAMConfig": {"IPv4Address": place.address}}
            }
        },
    }


_CONFINED: dict[str, Any] = {
    "CapDrop": ["ALL"],
    "CapAdd": [],
    "SecurityOpt": ["no-new-privileges:true"],
    "Privileged": False,
    "ReadonlyRootfs": True,
    "Init": True,
    "IpcMode": "private",
    "CgroupnsMode": "private",
    "PidMode": "",
    "UTSMode": "",
    "Devices": [],
    "Binds": [],
    "PublishAllPorts": False,
    "OomKillDisable": False,
    "LogConfig": LOGS,
    "RestartPolicy": {"Name": "no"},
    "Ulimits": [
        {"Name": "nofile", "Soft": NOFILE, "Hard": NOFILE},
        {"Name": "core", "Soft": 0, "Hard": 0},
    ],
}


def _limits(spec: ContainerSpec) -> dict[str, int]:
    memory = spec.resources.memory_mb * MIB
    return {
        "Memory": memory,
        "MemorySwap": memory,  # both together: no swap
        "NanoCpus": spec.resources.cpu_millis * CPU,
        "PidsLimit": spec.resources.pids,
        "ShmSize": 64 * MIB,
    }


def user(setup: EngineSetup) -> str:
    return f"{setup.user[0]}:{setup.user[1]}"


def environment(spec: ContainerSpec, setup: EngineSetup) -> list[str]:
    """No secret: whoever may look at a container sees it."""
    family = image_of(spec.image).family
    inside = FOLDERS[family]
    common = [
        f"BOT_HOSTNAME={spec.hostname}",
        f"PROXY_BASE_URL={proxy_url(setup.proxy_port)}",
    ]
    if family is ImageFamily.PLAIN:
        return [*common, f"BOT_TOKEN_FILE={inside['secrets']}/token"]
    return [
        *common,
        "HOME=/home/node",
        f"OPENCLAW_CONFIG_PATH={inside['config']}/openclaw.json",
        f"OPENCLAW_STATE_DIR={inside['state']}",
        # The config includes a file from there: no token stands in an environment.
        f"OPENCLAW_INCLUDE_ROOTS={inside['secrets']}",
        "OPENCLAW_CONFIG_READONLY=1",
        "OPENCLAW_OFFLINE=1",
    ]


def tmpfs(family: ImageFamily, setup: EngineSetup) -> dict[str, str]:
    """What may be written besides the folders; it is memory, gone with the container."""
    if family is ImageFamily.PLAIN:
        return {"/tmp": TMPFS}  # noqa: S108  # inside the container
    uid, gid = setup.user
    # The image's own home is the root file system's, and Node wants to write there.
    home = f"rw,noexec,nosuid,nodev,mode=0700,size=64m,uid={uid},gid={gid}"
    return {"/tmp": TMPFS, "/home/node": home}  # noqa: S108


def folders(spec: ContainerSpec, setup: EngineSetup) -> list[tuple[str, Path, str]]:
    """Each folder: what it is, where it is on the host, and where inside."""
    own = setup.data_dir / str(spec.bot_id)
    places = {
        "config": own / "config",
        "workspace": own / "workspace",
        "state": own / "state",
        "secrets": setup.secrets_dir / str(spec.bot_id),
    }
    inside = FOLDERS[image_of(spec.image).family]
    return [(name, place, inside[name]) for name, place in places.items()]
