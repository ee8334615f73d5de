"""What peers are installed from is pinned by hash, and what is missing is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.bench.peers import installing
from domain.errors import BadSetup, Unavailable
from tests.test_repository import PINNED

HERE = Path(installing.__file__).parent


def test_the_lock_of_litellm_is_pins_with_hashes_and_nothing_else() -> None:
    lock = (HERE / "litellm.lock").read_text()
    assert PINNED.sub("", lock) == ""
    assert "litellm==1.80.15 " in lock


def test_the_lock_of_portkey_has_a_hash_for_each_package_and_no_address() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    root = lock["packages"].pop("")
    wanted = json.loads((HERE / "package.json").read_text())
    assert root["dependencies"] == wanted["dependencies"]
    assert len(lock["packages"]) > 50
    for package in lock["packages"].values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_without_npm_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "program_path", lambda: "/nowhere")
    with pytest.raises(BadSetup, match="apt-get install nodejs npm"):
        installing.portkey()
    with pytest.raises(BadSetup, match="node is not installed"):
        installing.node()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a lock of one small package that comes from nowhere else."""
    monkeypatch.setattr(installing, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(installing, "HERE", tmp_path)
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text('{"name": "peers", "lockfileVersion": 3}')
    return tmp_path / "cache"


def test_it_is_installed_once_for_each_lock(cache: Path) -> None:
    first = installing.portkey()
    assert (first / "package.json").exists()
    stamp = (first / "installed").stat().st_mtime_ns
    assert installing.portkey() == first
    assert (first / "installed").stat().st_mtime_ns == stamp
    (cache.parent / "package-lock.json").write_text(
        '{"name": "other", "lockfileVersion": 3}'
    )
    assert installing.portkey() != first


def test_a_failed_install_is_told_and_tried_again(cache: Path) -> None:
    (cache.parent / "aiohttp.lock").write_text("no-such-thing @ file:///nowhere/x.whl\n")
    for _ in range(2):
        with pytest.raises(Unavailable, match="did not succeed"):
            installing.aiohttp()
    assert not list(cache.glob("*/installed"))
