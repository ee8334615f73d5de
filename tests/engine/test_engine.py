"""A bot's container from its making to its end, on a real engine."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import httpx
import pytest
from docker.types import IPAMConfig, IPAMPool

from application.engines import CannotRun
from domain.containers import ContainerState, Health, NetworkPolicy
from domain.errors import NotFound
from tests.engine.given import Bots, instance, until
from tests.engine.images import BOT_IMAGE

pytestmark = pytest.mark.xdist_group("dockerd")


def test_a_bot_serves_calls_the_proxy_and_is_gone(bots: Bots) -> None:
    spec = bots.spec(image=BOT_IMAGE)
    made = bots.engine.create(spec)
    created = bots.seen(made)
    assert (created.state, created.generation) == (ContainerState.CREATED, 1)
    assert (created.bot_id, created.image) == (spec.bot_id, BOT_IMAGE)

    bots.engine.start(made)
    bots.engine.start(made)
    until(lambda: bots.seen(made).health is Health.HEALTHY)
    up = bots.seen(made)
    assert up.state is ContainerState.RUNNING
    assert up.started_at is not None
    assert up.started_at >= (up.created_at or up.started_at)
    address = f"http://{up.address}"
    assert httpx.get(f"{address}/health").json() == {"ok": True, "hostname": "ada"}
    answer = httpx.get(f"{address}/ask", params={"prompt": "Hi"}, timeout=30).json()
    assert answer["choices"][0]["message"]["content"] == "The proxy says hello."
    assert httpx.get(f"{address}/file?name=/run/bot/token").json() == {
        "text": "cbt_of-a-test"
    }

    httpx.get(f"{address}/exit?code=7")
    until(lambda: bots.seen(made).state is ContainerState.EXITED)
    ended = bots.seen(made)
    assert (ended.exit_code, ended.address, ended.health) == (7, None, None)
    bots.engine.start(made)
    assert bots.seen(made).state is ContainerState.RUNNING
    bots.engine.stop(made, within_seconds=0)
    bots.engine.stop(made, within_seconds=0)
    assert bots.seen(made).state is ContainerState.EXITED
    bots.engine.remove(made)
    assert list(bots.engine.containers()) == []
    assert bots.engine.orphans(frozenset()) == []
    with pytest.raises(NotFound):
        bots.engine.start(made)


def test_a_bot_that_took_too_much_memory_says_so(bots: Bots) -> None:
    made = bots.running(image=BOT_IMAGE)
    until(lambda: bots.seen(made).health is Health.HEALTHY)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{bots.seen(made).address}/fill?mib=512")
    until(lambda: bots.seen(made).state is ContainerState.EXITED)
    assert bots.seen(made).out_of_memory


def test_of_many_who_make_one_container_at_once_all_get_the_same(bots: Bots) -> None:
    spec = bots.spec()
    made: list[str] = []
    makers = [
        threading.Thread(target=lambda: made.append(bots.engine.create(spec)))
        for _ in range(4)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert len(list(bots.engine.containers())) == 1


def test_another_generation_waits_until_the_name_is_free(bots: Bots) -> None:
    spec = bots.spec()
    first = bots.engine.create(spec)
    with pytest.raises(CannotRun) as refused:
        bots.engine.create(replace(spec, generation=2))
    assert refused.value.code == "name-taken"
    bots.engine.remove(first)
    assert bots.seen(bots.engine.create(replace(spec, generation=2))).generation == 2


def test_an_image_must_be_allowed_and_there(bots: Bots) -> None:
    for image, code in (
        ("evil/bot:1", "image-not-allowed"),
        ("clawbot-evil/bot:1", "image-not-allowed"),
        ("clawbot/nowhere:1", "image-missing"),
    ):
        with pytest.raises(CannotRun) as refused:
            bots.engine.create(bots.spec(image=image))
        assert refused.value.code == code
    assert bots.engine.orphans(frozenset()) == []


def test_an_image_may_be_allowed_by_its_digest(bots: Bots) -> None:
    with bots.dockerd.client() as client:
        digest = client.images.get(BOT_IMAGE).id
        client.images.get(BOT_IMAGE).tag("other/bot", "1")
    folder = bots.dockerd.new_folder()
    assert digest is not None
    with instance(bots.dockerd, folder, images_allowed=(digest,)) as strict:
        made = strict.engine.create(strict.spec(image="other/bot:1"))
        assert strict.inspected(made)["Image"] == digest
        with pytest.raises(CannotRun) as refused:
            strict.engine.create(strict.spec(image="clawbot/test-breakout:1"))
        assert refused.value.code == "image-not-allowed"


@pytest.mark.parametrize("policy", [NetworkPolicy.ISOLATED, NetworkPolicy.EGRESS])
def test_a_published_port_answers_on_the_loopback_address_only(
    bots: Bots, policy: NetworkPolicy, free_port: int
) -> None:
    made = bots.running(image=BOT_IMAGE, port=free_port, network=policy)
    until(lambda: bots.seen(made).health is Health.HEALTHY)
    assert httpx.get(f"http://127.0.0.1:{free_port}/health").status_code == 200
    gateways = bots.inspected(made)["NetworkSettings"]["Networks"].values()
    for network in gateways:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((network["Gateway"], free_port), timeout=2)


def test_a_port_in_use_is_said_to_be(bots: Bots) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        made = bots.engine.create(bots.spec(image=BOT_IMAGE, port=taken.getsockname()[1]))
        with pytest.raises(CannotRun) as refused:
            bots.engine.start(made)
    assert refused.value.code == "port-in-use"
    assert "/" not in refused.value.detail.replace("/tcp", "")
    bots.engine.start(made)


def test_folders_that_are_not_there_keep_a_bot_from_starting(bots: Bots) -> None:
    spec = bots.spec()
    (bots.setup.data_dir / str(spec.bot_id) / "state").rmdir()
    with pytest.raises(CannotRun) as refused:
        bots.engine.start(bots.engine.create(spec))
    assert refused.value.code == "engine-refused"
    assert str(bots.setup.data_dir) not in refused.value.detail


def test_what_is_foreign_is_neither_seen_nor_touched(bots: Bots) -> None:
    with bots.dockerd.client() as client:
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet="10.99.0.0/24")])
        network = client.networks.create("foreign", ipam=pool)
        foreign = client.containers.run(
            BOT_IMAGE,
            detach=True,
            network="foreign",
            labels={"clawbot.instance": "another"},
        )
        foreign_id = str(foreign.id)
        try:
            for act in (
                lambda: bots.engine.start(foreign_id),
                lambda: bots.engine.stop(foreign_id, within_seconds=0),
                lambda: bots.engine.remove(foreign_id),
                lambda: bots.engine.set_network(foreign_id, NetworkPolicy.CUT),
                lambda: bots.engine.logs(foreign_id, tail=1),
            ):
                with pytest.raises(NotFound):
                    act()
            assert list(bots.engine.stats([foreign_id])) == []
            assert foreign_id not in {one.container_id for one in bots.engine.containers()}
            assert bots.engine.orphans(frozenset()) == []
            foreign.reload()
            assert foreign.status == "running"
        finally:
            foreign.remove(force=True)
            network.remove()


def test_a_name_that_somebody_else_has_is_left_to_them(bots: Bots) -> None:
    spec = bots.spec()
    name = f"cbm-{bots.setup.instance.hex[:12]}-{spec.bot_id.hex}"
    with bots.dockerd.client() as client:
        foreign = client.containers.create(BOT_IMAGE, name=name, network_mode="none")
        try:
            with pytest.raises(CannotRun) as refused:
                bots.engine.create(spec)
            assert refused.value.code == "name-taken"
        finally:
            foreign.remove()
