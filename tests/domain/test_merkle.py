"""The tree of the sealed log against published vectors, and against its definition."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sealing.merkle import is_consistent, is_included, leaf_hash, node_hash, split
from domain.sealing.tiles import Tree, TreeIsDamaged, grown, last_tiles

# The leaves, roots and proofs that implementations of RFC 6962 test themselves against.
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSIONS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
]
CONSISTENCIES = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
SIZES = st.integers(1, 600) | st.sampled_from([255, 256, 257, 511, 512, 513, 66_000])


def tree_of(hashes: list[bytes], *steps: int) -> Tree:
    """The tree of these leaf hashes, grown in steps that end at these sizes."""
    tiles: dict[tuple[int, int], bytes] = {}

    def read(level: int, n: int) -> bytes:
        return tiles[level, n]

    size = 0
    for end in (*steps, len(hashes)):
        tiles.update(grown(size, read, hashes[size:end]))
        size = max(size, end)
    return Tree(len(hashes), read)


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def defined_root(hashes: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    middle = split(len(hashes))
    return node_hash(defined_root(hashes[:middle]), defined_root(hashes[middle:]))


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_come_out(size: int) -> None:
    tree = tree_of([leaf_hash(one) for one in LEAVES[:size]])
    assert tree.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_the_published_inclusion_proofs_come_out(
    index: int, size: int, proof: list[str]
) -> None:
    tree = tree_of([leaf_hash(one) for one in LEAVES[:size]])
    assert [step.hex() for step in tree.inclusion(index)] == proof


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCIES)
def test_the_published_consistency_proofs_come_out(
    old: int, new: int, proof: list[str]
) -> None:
    tree = tree_of([leaf_hash(one) for one in LEAVES[:new]])
    assert [step.hex() for step in tree.consistency(old)] == proof


@given(SIZES, st.lists(st.integers(0, 66_000), max_size=4))
def test_a_tree_is_the_same_however_it_was_grown(size: int, steps: list[int]) -> None:
    hashes = numbered(size)
    tree = tree_of(hashes, *sorted(min(step, size) for step in steps))
    assert tree.root() == defined_root(hashes)
    assert tree.leaf(size - 1) == hashes[-1]


@given(SIZES, st.data())
def test_every_leaf_is_proved_and_no_other_hash_in_its_place(
    size: int, data: st.DataObject
) -> None:
    hashes = numbered(size)
    tree = tree_of(hashes)
    index = data.draw(st.integers(0, size - 1))
    root, proof = tree.root(), tree.inclusion(index)
    holds: dict[str, Any] = {"index": index, "size": size, "root": root, "proof": proof}
    assert is_included(hashes[index], **holds)
    assert not is_included(leaf_hash(b"other"), **holds)
    assert not is_included(hashes[index], **holds | {"proof": [*proof, root]})
    assert not is_included(hashes[index], **holds | {"index": size})
    if proof:
        assert not is_included(hashes[index], **holds | {"proof": proof[:-1]})
        assert not is_included(hashes[index], **holds | {"index": index ^ 1})


@given(SIZES, st.data())
def test_a_tree_is_proved_to_begin_with_each_smaller_one_and_with_no_other(
    new: int, data: st.DataObject
) -> None:
    hashes = numbered(new)
    tree = tree_of(hashes)
    old = data.draw(st.integers(0, new))
    old_root, proof = defined_root(hashes[:old]), tree.consistency(old)
    sizes = {"old": old, "new": new}
    roots = {"old_root": old_root, "new_root": tree.root()}
    holds: dict[str, Any] = sizes | roots | {"proof": proof}
    assert is_consistent(**holds)
    assert not is_consistent(**holds | {"proof": [*proof, old_root]})
    if old:
        other = defined_root([*hashes[: old - 1], leaf_hash(b"other")])
        assert not is_consistent(**holds | {"old_root": other})
        changed = [*hashes[: old - 1], leaf_hash(b"other"), *hashes[old:]]
        assert not is_consistent(
            old=old,
            old_root=old_root,
            new=new,
            new_root=defined_root(changed),
            proof=tree_of(changed).consistency(old),
        )
    if proof:
        assert not is_consistent(**holds | {"proof": proof[:-1]})
    assert not is_consistent(**holds | {"old": new + 1})


def test_only_tiles_that_are_begun_are_read_to_grow_a_tree() -> None:
    assert last_tiles(0) == []
    assert last_tiles(256) == [(1, 0)]
    assert last_tiles(66_000) == [(0, 257), (1, 1), (2, 0)]


@pytest.mark.parametrize("kept", [0, 31, 32])
def test_a_tile_that_lacks_what_it_must_have_is_noticed(kept: int) -> None:
    tiles = grown(0, lambda _level, _n: b"", numbered(3))
    short = {place: tile[:kept] for place, tile in tiles.items()}
    with pytest.raises(TreeIsDamaged):
        Tree(3, lambda level, n: short[level, n]).root()
    with pytest.raises(TreeIsDamaged):
        grown(3, lambda level, n: short[level, n], numbered(1))
