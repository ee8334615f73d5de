"""The tree as it is stored: tiles of 256 hashes (C2SP tlog-tiles, height 8).

Tile `n` of level 0 holds the hashes of leaves 256n to 256n+255; a hash of level L stands
for 256**L leaves, all of them there. A tile only ever grows at its end, so that whatever a
tree of some size needed is found in the tiles of any later one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.sealing.merkle import EMPTY_ROOT, HASH_BYTES, node_hash, split

HEIGHT = 8
WIDTH = 1 << HEIGHT  # hashes in a full tile

Place = tuple[int, int]  # level and number of a tile
ReadTile = Callable[[int, int], bytes]  # level, number: the hashes, end to end


class TreeIsDamaged(Exception):
    """A hash that a tree of this size must have is not in its tiles."""


def last_tiles(size: int) -> list[Place]:
    """The tiles of a tree that are begun and not full: all that is needed to grow it."""
    places = []
    level, count = 0, size
    while count:
        if count % WIDTH:
            places.append((level, count // WIDTH))
        level, count = level + 1, count // WIDTH
    return places


def grown(size: int, read: ReadTile, leaves: Iterable[bytes]) -> dict[Place, bytes]:
    """Every tile that is new or longer once the hashes stand behind the first `size`."""
    open_tiles = {level: bytearray(read(level, n)) for level, n in last_tiles(size)}
    changed: dict[Place, bytes] = {}
    counts: dict[int, int] = {}

    def put(level: int, one: bytes) -> None:
        count = counts.get(level, size >> HEIGHT * level)
        tile = open_tiles.setdefault(level, bytearray())
        if len(tile) != count % WIDTH * HASH_BYTES:
            raise TreeIsDamaged((level, count // WIDTH))
        tile += one
        counts[level] = count + 1
        if len(tile) == WIDTH * HASH_BYTES:
            changed[level, count // WIDTH] = bytes(tile)
            put(level + 1, _folded(_hashes(tile)))
            tile.clear()

    for leaf in leaves:
        put(0, leaf)
    for level, tile in open_tiles.items():
        if tile and level in counts:
            changed[level, counts[level] // WIDTH] = bytes(tile)
    return changed


class Tree:
    """The tree of the first `size` leaves, read from tiles."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size = size
        self._read = read

    def root(self) -> bytes:
        """Its root (RFC 6962, 2.1)."""
        return self._range(0, self.size) if self.size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """The hash of one leaf."""
        return self._range(index, index + 1)

    def inclusion(self, index: int) -> list[bytes]:
        """The proof that this leaf is where it is (RFC 6962, 2.1.1)."""
        return self._path(index, 0, self.size)

    def consistency(self, old: int) -> list[bytes]:
        """The proof that it begins with the tree of `old` leaves (RFC 6962, 2.1.2)."""
        if old in {0, self.size}:
            return []
        return self._subproof(old, 0, self.size, known=True)

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._range(middle, end)]
        return [*self._path(index, middle, end), self._range(start, middle)]

    def _subproof(self, old: int, start: int, end: int, *, known: bool) -> list[bytes]:
        if old == end:
            return [] if known else [self._range(start, end)]
        middle = start + split(end - start)
        if old <= middle:
            left = self._subproof(old, start, middle, known=known)
            return [*left, self._range(middle, end)]
        right = self._subproof(old, middle, end, known=False)
        return [*right, self._range(start, middle)]

    def _range(self, start: int, end: int) -> bytes:
        """The root over leaves [start, end), as they stand in the decomposition."""
        count = end - start
        if count & (count - 1) == 0:
            return self._subtree(start, count)
        middle = start + split(count)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def _subtree(self, start: int, count: int) -> bytes:
        """The root over a power of two of leaves: within one tile, some levels up."""
        level, rest = divmod(count.bit_length() - 1, HEIGHT)
        first = start >> HEIGHT * level
        n, offset = divmod(first, WIDTH)
        width = 1 << rest
        tile = self._read(level, n)
        hashes = _hashes(tile[offset * HASH_BYTES : (offset + width) * HASH_BYTES])
        if len(hashes) != width:
            raise TreeIsDamaged((level, n))
        return _folded(hashes)


def _hashes(tile: bytes | bytearray) -> list[bytes]:
    return [
        bytes(tile[at : at + HASH_BYTES])
        for at in range(0, len(tile) - HASH_BYTES + 1, HASH_BYTES)
    ]


def _folded(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [
            node_hash(left, right)
            for left, right in zip(hashes[::2], hashes[1::2], strict=True)
        ]
    return hashes[0]
