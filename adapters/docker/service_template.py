"""The hardened template as far as a Swarm service can say it.

Pure, as `template.py` is. What a service cannot say, and what stands in for it, is in
`swarm.py`'s docstring and is checked by `swarm_doctor.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.docker.naming import BOT, GENERATION, IMAGE, NETWORK, TASK, Naming
from adapters.docker.setup import EngineSetup
from adapters.docker.template import (
    CPU,
    DNS_OPTIONS,
    LOGS,
    MIB,
    NOFILE,
    READ_ONLY,
    environment,
    folders,
    tmpfs,
    user,
)
from domain.containers import ContainerSpec
from domain.images import image_of

Spec = Mapping[str, Any]  # of a service, as the engine has it

GRACE_SECONDS = 30
SECOND = 10**9  # nanoseconds
TMPFS_BYTES = 64 * MIB
BACK, STAY = "rollback", "pause"
# What is started again has nothing to go back to: that would be the same once more.
UPDATE = {
    "Parallelism": 1,
    "Order": "stop-first",  # never two of one bot
    "FailureAction": STAY,
    "Monitor": 15 * SECOND,
    "MaxFailureRatio": 0,
}
ROLLBACK = {"Parallelism": 1, "Order": "stop-first", "FailureAction": STAY}


def task(
    spec: ContainerSpec, setup: EngineSetup, network: str, image: str
) -> dict[str, Any]:
    """The `TaskTemplate` of the bot's service; `image` is pinned."""
    memory = spec.resources.memory_mb * MIB
    return {
        "ContainerSpec": {
            "Image": image,
            "Hostname": spec.hostname,
            "User": user(setup),
            "Env": environment(spec, setup),
            "Labels": {
                TASK: str(setup.instance),
                BOT: str(spec.bot_id),
                GENERATION: str(spec.generation),  # the service may be ahead
                IMAGE: spec.image,
            },
            "TTY": False,
            "OpenStdin": False,
            "ReadOnly": True,
            "Init": True,
            "CapabilityDrop": ["ALL"],
            "StopGracePeriod": GRACE_SECONDS * SECOND,
            "Ulimits": [
                {"Name": "nofile", "Soft": NOFILE, "Hard": NOFILE},
                {"Name": "core", "Soft": 0, "Hard": 0},
            ],
            "DNSConfig": {"Nameservers": list(setup.dns), "Options": DNS_OPTIONS},
            "Mounts": [*_folders(spec, setup), *_temporary(spec, setup)],
        },
        "Resources": {
            "Limits": {
                "NanoCPUs": spec.resources.cpu_millis * CPU,
                "MemoryBytes": memory,
                "Pids": spec.resources.pids,
            }
        },
        "RestartPolicy": {"Condition": "none"},  # the reconciler starts again what ended
        "Placement": {"Constraints": list(setup.constraints)},
        "LogDriver": {"Name": LOGS["Type"], "Options": LOGS["Config"]},
        "Networks": [{"Target": network}],
        "ForceUpdate": 0,
    }


def labels(spec: ContainerSpec, setup: EngineSetup) -> dict[str, str]:
    """Of the service, which is what the instance sees of a bot."""
    return {**Naming(setup.instance).labels(spec), NETWORK: spec.network}


def started(spec: Spec) -> Spec:
    """One replica, made anew even if one has ended: no other change makes a Swarm do so."""
    task = spec["TaskTemplate"]
    again = {**task, "ForceUpdate": task.get("ForceUpdate", 0) + 1}
    return {
        **spec,
        "TaskTemplate": again,
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": UPDATE,
    }


def updated(spec: Spec, task: Spec, labels: Mapping[str, str]) -> Spec:
    """Another task in its place; one that does not come up goes back to what ran before."""
    force = spec["TaskTemplate"].get("ForceUpdate", 0) + 1
    return {
        **spec,
        "TaskTemplate": {**task, "ForceUpdate": force},
        "Labels": dict(labels),
        "UpdateConfig": {**UPDATE, "FailureAction": BACK},
    }


def stopped(spec: Spec) -> Spec:
    """No replica; what the service is made from stays."""
    return {**spec, "Mode": {"Replicated": {"Replicas": 0}}}


def _folders(spec: ContainerSpec, setup: EngineSetup) -> list[dict[str, Any]]:
    return [
        {
            "Type": "bind",
            "Source": str(source),
            "Target": target,
            "ReadOnly": name in READ_ONLY,
            "BindOptions": {"Propagation": "rprivate"},
        }
        for name, source, target in folders(spec, setup)
    ]


def _temporary(spec: ContainerSpec, setup: EngineSetup) -> list[dict[str, Any]]:
    """Memory that may be written; the engine makes it `noexec,nosuid,nodev` by itself."""
    return [
        {
            "Type": "tmpfs",
            "Target": target,
            "TmpfsOptions": {"SizeBytes": TMPFS_BYTES, "Mode": 0o1777},
        }
        for target in tmpfs(image_of(spec.image).family, setup)
    ]
