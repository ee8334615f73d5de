"""What about an engine can be judged without one: names, subnets, streams, words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.docker.engine import DockerEngine
from adapters.docker.failures import refusal
from adapters.docker.firewall import Firewall
from adapters.docker.naming import Naming, Network
from adapters.docker.seen import moment
from adapters.docker.setup import EngineSetup
from adapters.docker.stats import Reading, cpu_percent
from adapters.docker.streams import entries, frames, log_lines
from adapters.docker.subnets import addresses, free_subnets
from adapters.docker.swarm_doctor import defaults, this_node
from adapters.docker.transport import EngineAddress
from application.engines import CannotRun
from domain.containers import ContainerSpec, NetworkPolicy, Resources
from domain.errors import BadSetup

POOL = IPv4Network("10.213.0.0/24")


@given(st.uuids(), st.uuids())
def test_names_fit_and_never_meet(instance: UUID, bot_id: UUID) -> None:
    naming = Naming(instance)
    bridges = [naming.bridge(bot_id, kind) for kind in Network]
    assert len(set(bridges)) == 3
    assert all(len(name) == 15 and name.startswith(naming.bridges) for name in bridges)
    assert len({naming.network(bot_id, kind) for kind in Network}) == 3
    assert len(naming.chain) + len("-TO") <= 28  # XT_EXTENSION_MAXNAMELEN, less its end


@given(st.lists(st.integers(0, 31), max_size=31), st.text())
def test_a_subnet_is_free_of_the_pool_and_found_again_by_name(
    places: list[int], name: str
) -> None:
    every = list(POOL.subnets(new_prefix=29))
    taken = [every[place] for place in places]
    found = list(free_subnets(POOL, taken, name))
    assert sorted(found) == [subnet for subnet in every if subnet not in taken]
    assert found == list(free_subnets(POOL, taken, name))
    first = next(free_subnets(POOL, [], name))
    assert found[:1] == ([first] if first not in taken else found[:1])
    assert addresses(every[0]) == ("10.213.0.1", "10.213.0.2")


def test_a_network_of_any_size_closes_what_it_overlaps() -> None:
    taken = [IPv4Network("10.213.0.0/25"), IPv4Network("10.0.0.0/24")]
    assert {subnet.overlaps(taken[0]) for subnet in free_subnets(POOL, taken, "a")} == {
        False
    }
    assert list(free_subnets(POOL, [IPv4Network("10.0.0.0/8")], "a")) == []
    assert list(free_subnets(IPv4Network("10.0.0.0/30"), [], "a")) == []


@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=200))),
    st.integers(1, 40),
)
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    written: list[tuple[str, bytes]], size: int
) -> None:
    number = {"stdout": 1, "stderr": 2}
    raw = b"".join(
        bytes([number[name], 0, 0, 0]) + len(text).to_bytes(4) + text
        for name, text in written
    )
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert list(frames(iter(pieces))) == written
    assert list(frames(iter([*pieces, b"\1\0\0\0\0\0\0\5cut"]))) == written


def test_of_a_line_in_several_frames_the_first_is_shown() -> None:
    time = b"2026-11-22T19:00:00.123456789Z "
    written = [time + b"a" * 16384, time + b"rest\n", time + b"next\xff\n"]
    raw = b"".join(b"\1\0\0\0" + len(text).to_bytes(4) + text for text in written)
    first, second = log_lines(iter([raw]))
    assert first.text == "a" * 16384
    assert second.text == "next�"
    assert second.at == datetime(2026, 11, 22, 19, 0, 0, 123456, UTC)


def test_a_stream_of_objects_may_be_cut_anywhere() -> None:
    assert list(entries(iter([b'{"a": ', b'1}\n\n{"b"', b": 2}\n"]))) == [
        {"a": 1},
        {"b": 2},
    ]


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("2026-11-22T19:00:00Z", 0), ("2026-11-22T19:00:00.1Z", 100_000)],
)
def test_times_are_read_in_every_length(text: str, microsecond: int) -> None:
    assert moment(text) == datetime(2026, 11, 22, 19, 0, 0, microsecond, UTC)
    assert moment("0001-01-01T00:00:00Z") is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Bind for 127.0.0.1:80 failed: port is already allocated", "port-in-use"),
        ("listen tcp4 127.0.0.1:80: bind: address already in use", "port-in-use"),
        ("write /var/lib/docker/x: no space left on device", "no-space"),
        ("No such image: clawbot/x:1", "image-missing"),
        ("bind source path does not exist: /srv/secret/place", "engine-refused"),
    ],
)
def test_an_engines_words_become_a_code_and_tell_no_path(words: str, code: str) -> None:
    refused = refusal(words)
    assert refused.code == code
    assert "/var" not in refused.detail
    assert "/srv" not in refused.detail


def test_cpu_is_counted_between_two_readings() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    half = Reading(at.replace(second=2), 1_000_000_000)
    assert cpu_percent(Reading(at, 0), half) == 5000
    assert cpu_percent(half, half) == 0


def test_rules_name_no_bot_and_drop_what_no_rule_lets_through(tmp_path: Path) -> None:
    setup = EngineSetup(
        instance=uuid4(), data_dir=tmp_path, secrets_dir=tmp_path, images_allowed=()
    )
    rules = Firewall(setup).rules()
    assert "--to-destination 127.0.0.1:3101" in rules
    everywhere = Firewall(replace(setup, proxy_address="0.0.0.0")).rules()
    assert "DNAT" not in everywhere
    assert [line.split()[-1] for line in rules.splitlines() if line.startswith("-A")][
        -2
    ] == "DROP"
    with pytest.raises(BadSetup):
        Firewall(replace(setup, proxy_address="proxy.example")).rules()


def test_an_engine_elsewhere_is_not_guarded_by_rules_of_this_machine(
    tmp_path: Path,
) -> None:
    setup = EngineSetup(
        instance=uuid4(), data_dir=tmp_path, secrets_dir=tmp_path, images_allowed=("*",)
    )
    engine = DockerEngine(setup, EngineAddress(host="tcp://127.0.0.1:1"))
    spec = ContainerSpec(
        bot_id=uuid4(),
        team_id=uuid4(),
        hostname="ada",
        generation=1,
        image="bot:1",
        resources=Resources(),
        network=NetworkPolicy.ISOLATED,
    )
    with pytest.raises(CannotRun) as refused:
        engine.create(spec)
    assert "CLAWBOT_BOT_FIREWALL" in refused.value.detail


def test_a_node_that_covers_nothing_is_told_what_to_set(tmp_path: Path) -> None:
    swaps, daemon = tmp_path / "swaps", tmp_path / "daemon.json"
    swaps.write_text("Filename Type\n/dev/sda2 partition\n")
    bare = this_node({}, daemon=daemon, swaps=swaps)
    assert [one.name for one in defaults(bare) if not one.is_covered] == [
        "no-new-privileges",
        "swap",
        "cgroup-namespace",
    ]
    swaps.write_text("Filename Type\n")
    daemon.write_text('{"no-new-privileges": true, "default-shm-size": "1G"}')
    info = {"SecurityOptions": ["name=seccomp", "name=cgroupns"]}
    covered = this_node(info, daemon=daemon, swaps=swaps)
    assert [one.name for one in defaults(covered) if not one.is_covered] == [
        "shared-memory"
    ]
    daemon.write_text("{")
    with pytest.raises(BadSetup):
        this_node(info, daemon=daemon, swaps=swaps)


def test_what_is_free_is_not_looked_for_in_vain() -> None:
    pool = IPv4Network("10.0.0.0/8")
    assert len(list(islice(free_subnets(pool, [], "a"), 3))) == 3
