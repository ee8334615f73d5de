"""Who handles the commands about bots in containers."""

from __future__ import annotations

from functools import partial

from application import bot_editing, equipment
from application import bot_lifecycle as lifecycle
from application.bus import Bus
from application.event_log import EventLog
from application.ports import Vault


def register_lifecycle(bus: Bus, event_log: EventLog, vault: Vault) -> None:
    """The bus knows what people may ask of a bot's container."""
    for command, handler in (
        (lifecycle.StartBot, lifecycle.start_bot),
        (lifecycle.StopBot, lifecycle.stop_bot),
        (lifecycle.RestartBot, lifecycle.restart_bot),
        (lifecycle.QuarantineBot, lifecycle.quarantine_bot),
        (lifecycle.ReleaseBot, lifecycle.release_bot),
        (lifecycle.RevokeBotTokens, lifecycle.revoke_bot_tokens),
        (bot_editing.EditBot, bot_editing.edit_bot),
    ):
        bus.register(command, partial(handler, event_log=event_log))
    delete = partial(lifecycle.delete_bot, event_log=event_log, vault=vault)
    bus.register(lifecycle.DeleteBot, delete)


def register_equipment(bus: Bus, event_log: EventLog, vault: Vault) -> None:
    """The bus knows what people may ask of a bot's equipment."""
    for command, handler in (
        (equipment.SetPersona, equipment.set_persona),
        (equipment.SetFeatures, equipment.set_features),
        (equipment.InstallSkill, equipment.install_skill),
        (equipment.UninstallSkill, equipment.uninstall_skill),
        (equipment.ConnectChannel, equipment.connect_channel),
    ):
        bus.register(command, partial(handler, event_log=event_log))
    for sealing, sealer in (
        (equipment.InstallPlugin, equipment.install_plugin),
        (equipment.UninstallPlugin, equipment.uninstall_plugin),
        (equipment.SetChannel, equipment.set_channel),
        (equipment.RemoveChannel, equipment.remove_channel),
    ):
        bus.register(sealing, partial(sealer, event_log=event_log, vault=vault))
