"""Where the secrets of a plugin or a channel may be taken: they are bound to it.

As a provider key is bound to its origin: who changes the place gives the secrets anew, so
that nobody who may not read one can have it sent elsewhere. What a plugin's program takes
its secrets to follows from how it is started and from the free text that it is set up
with; a package of another version is the same program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from domain.config_fields import FieldType
from domain.destinations import parse_origin
from domain.equipment import PluginInstall
from domain.equipment_catalog import Plugin
from domain.errors import Conflict
from domain.plugin_launch import HttpLaunch

LENGTH = 32  # hex digits
OWN_SERVER = "apiRoot"  # of a channel's configuration: asked in the channel's own place


class SecretsGivenForAnother(Conflict):
    """The plugin has changed where its secrets would go: they have to be given again."""

    code = "secrets-needed-again"


def bounds_of_plugin(plugin: Plugin, config: Mapping[str, Any]) -> str:
    """The origin that is asked, or a hash of what is started and told, no secret in it.

    `config` is the install's, as it is stored.
    """
    launch = plugin.launch
    if isinstance(launch, HttpLaunch):
        return str(parse_origin(launch.url))
    package = launch.package
    told = {
        one.key: config.get(one.key)
        for one in plugin.fields
        if not (one.secret or one.choices or one.type is FieldType.BOOLEAN)
    }
    program = (launch.command, launch.args, sorted(launch.env))
    source = package and (package.registry, package.name, package.executable)
    described = json.dumps([program, source, told], sort_keys=True)
    return sha256(described.encode()).hexdigest()[:LENGTH]


def check_bounds(install: PluginInstall, plugin: Plugin) -> None:
    """`SecretsGivenForAnother` if the install's secrets would go elsewhere by now."""
    bounds = bounds_of_plugin(plugin, json.loads(install.config))
    if install.secret_fields and install.secrets_for != bounds:
        raise SecretsGivenForAnother


def bounds_of_channel(config: Mapping[str, Any]) -> str:
    """The server of one's own that is asked; "" for the channel's."""
    root = config.get(OWN_SERVER)
    return root if isinstance(root, str) else ""
