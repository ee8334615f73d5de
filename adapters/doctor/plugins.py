"""Plugins that run beside the manager: what keeps them from its network."""

from __future__ import annotations

import os
import shutil

from adapters.doctor.findings import Findings, failed, fine, skipped, warned
from adapters.settings import Settings

AS_ROOT = (
    "Run the worker as root, so that each plugin is a user of its own behind a firewall, "
    "or in a container with a network of its own."
)


def look_at_plugins(settings: Settings) -> Findings:
    """Whether the worker, run by this user on this machine, can fence them in."""
    mode = settings.clawbot_plugins_fence
    if mode == "off":
        yield skipped("plugins", "Plugins reach this machine's network, as was set.")
        return
    if os.geteuid() == 0 and shutil.which("iptables") is not None:
        yield fine("plugins", "A firewall keeps plugins to the internet.")
        return
    why = "No user" if os.geteuid() != 0 else "No iptables"
    said = f"{why} tells plugins apart: they would reach this machine's network."
    advice = AS_ROOT if os.geteuid() != 0 else "Install iptables."
    say = failed if mode == "required" else warned
    yield say("plugins", said, advice)
