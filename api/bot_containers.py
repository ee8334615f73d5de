"""What a bot's container is made from: what was asked for, or the operator's defaults."""

from __future__ import annotations

from api.bot_shapes import NewBot, ResourcesIn
from api.refusals import ImageIsNotAllowed, RuntimeIsNotAvailable
from application.bots import ContainerWish
from application.runtimes import ContainerDefaults, Runtimes
from domain.bot_events import Runtime
from domain.containers import OPENCLAW, SMALL, NetworkPolicy, Resources
from domain.images import ImageFamily, image_of, is_allowed


def runtime_of(new: NewBot, runtimes: Runtimes) -> Runtime:
    """Where the bot is to run; refused if no engine of that kind answers."""
    if new.runtime is None:
        return runtimes.preferred()
    runtime = Runtime(new.runtime)
    if runtime is not Runtime.EXTERNAL and runtime not in runtimes.available():
        raise RuntimeIsNotAvailable(runtime="not-available")
    return runtime


def wish_of(new: NewBot, defaults: ContainerDefaults) -> ContainerWish:
    """What the new bot's container is made from."""
    image = allowed(new.image or defaults.image, defaults)
    return ContainerWish(
        image=image,
        resources=sized(new.resources, usual(image)),
        network=NetworkPolicy(new.network),
        publish_from=defaults.port_start if new.publish_port else None,
    )


def allowed(image: str, defaults: ContainerDefaults) -> str:
    """The image, unless the operator does not allow it."""
    if not is_allowed(image, (defaults.image, *defaults.allowed_images)):
        raise ImageIsNotAllowed(image="not-allowed")
    return image


def usual(image: str) -> Resources:
    """What a container of the image takes if nobody says otherwise."""
    return OPENCLAW if image_of(image).family is ImageFamily.OPENCLAW else SMALL


def sized(asked: ResourcesIn | None, otherwise: Resources) -> Resources:
    """The sizes that were asked for, the others where none was."""
    if asked is None:
        return otherwise
    return Resources(
        memory_mb=otherwise.memory_mb if asked.memory_mb is None else asked.memory_mb,
        cpu_millis=(
            otherwise.cpu_millis if asked.cpus is None else round(asked.cpus * 1000)
        ),
        pids=otherwise.pids if asked.pids is None else asked.pids,
    )
