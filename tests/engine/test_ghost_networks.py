"""A bridge whose name the engine has given away for good does not stop a bot for good."""

from __future__ import annotations

import pytest

from adapters.docker.naming import Naming, Network
from domain.containers import ContainerState
from tests.engine.given import Bots

pytestmark = pytest.mark.xdist_group("dockerd")
OPTION = "com.docker.network.bridge.name"


def test_a_bot_gets_another_bridge_where_a_ghost_has_its_own(bots: Bots) -> None:
    spec = bots.spec()
    naming = Naming(bots.setup.instance)
    taken = naming.bridge(spec.bot_id, Network.INSIDE)
    with bots.dockerd.client() as client:
        ghost = client.networks.create("a-ghost", internal=True, options={OPTION: taken})
        try:
            made = bots.engine.create(spec)
            bots.engine.start(made)
            assert bots.seen(made).state is ContainerState.RUNNING
            (network,) = client.networks.list(
                names=[naming.network(spec.bot_id, Network.INSIDE)]
            )
            bridge = network.attrs["Options"][OPTION]
            assert bridge != taken
            assert bridge.startswith(f"{naming.bridges}{Network.INSIDE}")
            bots.engine.remove(made)
            assert bots.engine.orphans(frozenset()) == []
        finally:
            ghost.remove()
