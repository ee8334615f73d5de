"""The container engine: that it answers, and what it brings for hardening."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import requests
from docker.errors import DockerException

from adapters.bootstrap.fleet_worker import engine_address
from adapters.docker.swarm_doctor import defaults, this_node
from adapters.docker.transport import connect
from adapters.doctor.findings import Finding, Findings, failed, fine, skipped, warned
from adapters.settings import Settings

TIMEOUT_SECONDS = 5


def look_at_engine(settings: Settings) -> Findings:
    """Without one there are `external` bots only, and that is no failure."""
    if settings.clawbot_runtime == "external":
        yield skipped("engine", "This process has none, as CLAWBOT_RUNTIME says.")
        return
    address = engine_address(settings)
    try:
        client = connect(address, TIMEOUT_SECONDS)
        try:
            info: Mapping[str, Any] = client.info()
        finally:
            client.close()
    except (DockerException, requests.RequestException, OSError):
        said = "No Docker Engine answers: bots can be `external` only."
        yield skipped("engine", f"{said} DOCKER_HOST is {address.host}.")
        return
    yield fine("engine", f"Docker Engine {info.get('ServerVersion')} answers.")
    yield from _hardening(info)
    if settings.clawbot_runtime == "swarm":
        yield from _swarm(info)
    elif address.is_local:
        yield _firewall()


def _hardening(info: Mapping[str, Any]) -> Findings:
    """What the template asks for is only as good as the kernel and daemon beneath it."""
    options = " ".join(info.get("SecurityOptions") or ())
    yield _has("seccomp", "name=seccomp" in options, "Use a kernel and daemon with it.")
    advice = 'Set "userns-remap": "default" in daemon.json: root in a bot is then nobody.'
    mapped = "name=userns" in options or "name=rootless" in options
    yield _has("user-namespaces", mapped, advice)
    if not info.get("MemoryLimit") or not info.get("PidsLimit"):
        advice = "Turn the memory and pids control groups on."
        yield warned("limits", "Memory or process limits are not kept.", advice)
    else:
        yield fine("limits", "Memory, CPU and process limits are kept.")
    if not info.get("LiveRestoreEnabled"):
        advice = 'Set "live-restore": true: bots then outlive a restart of the daemon.'
        yield warned("live-restore", "Bots stop when the daemon does.", advice)


def _swarm(info: Mapping[str, Any]) -> Findings:
    """What its services cannot ask for, this node's daemon must do by itself."""
    if not info["Swarm"].get("ControlAvailable"):
        yield failed("swarm", "This engine manages no Swarm.", "Run docker swarm init.")
        return
    for default in defaults(this_node(info)):
        if default.is_covered:
            yield fine(default.name, "This node sees to it.")
        else:
            yield warned(default.name, "This node does not see to it.", default.advice)


def _has(name: str, there: bool, advice: str) -> Finding:  # noqa: FBT001 - what was found
    if there:
        return fine(name, "The engine uses it.")
    return warned(name, "The engine does not use it.", advice)


def _firewall() -> Finding:
    if shutil.which("iptables") is None:
        advice = "Install iptables: it keeps bots from everything but the proxy."
        return warned("firewall", "iptables is not there.", advice)
    return fine("firewall", "iptables is there.")
