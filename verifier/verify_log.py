#!/usr/bin/env python3
"""Verify an exported audit log offline: no database, no network, nothing of ClawBotManager.

    python3 verify_log.py BUNDLE [--key KEY] [--checkpoint FILE]...

BUNDLE        what `clawbot audit export` or GET /api/audit/export gave: a folder, a tar
              file, or one .ndjson file.
--key         the log's public key as you were given it earlier (text, or a file with it).
              Without it the bundle's own key is believed, which proves less.
--checkpoint  a signed checkpoint that you kept. Keep one from time to time: with it nobody
              can cut the log short or write it anew without being found out.

Leaves with 0: intact. 1: tampered with; the first wrong index is named. 2: incomplete,
nothing signed covers it. 3: this is no bundle, key or checkpoint.

What is checked, event by event:
  1. The header that was sealed is exactly what the stored event makes it: it holds the
     SHA-256 of the stored bytes (`data`), and what they say of actor, time and team.
  2. The header's hash is the one in the tree (`leafhash`), or leads to a signed root
     (`inclusionproof`). The tree is that of RFC 6962.
  3. Every team's events are numbered from 1 on, and each names the hash of the one before.
  4. At every checkpoint, the root over all leaves so far is the root that was signed.
Checkpoints are C2SP tlog-checkpoints in signed notes; signatures are Ed25519.
"""

import argparse
import json
import re
import sys
import tarfile
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256, sha512
from itertools import chain
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

INTACT, TAMPERED, INCOMPLETE, BAD_INPUT = 0, 1, 2, 3
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
CHECKPOINT = "clawbot.audit.checkpoint"
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Wrong(Exception):
    """The log was tampered with; `index` is the first place where it shows."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"index {index}: {why}")
        self.index = index


# --- Ed25519 verification (RFC 8032, 5.1.7) in whole numbers ---------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]  # X, Y, Z, T: x = X/Z, y = Y/Z, xy = T/Z


def point(encoded: bytes) -> Point | None:
    """The point of the curve that 32 bytes stand for; None if there is none."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if len(encoded) != 32 or y >= P or v * x * x % P != u or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def add(one: Point, other: Point) -> Point:
    """The sum of two points."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, base: Point) -> Point:
    """The point added to itself so many times."""
    total = (0, 1, 1, 0)
    while number:
        total = add(total, base) if number & 1 else total
        base, number = add(base, base), number >> 1
    return total


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the public key over the message."""
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    key, r = point(public), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER or not (base and key and r):
        return False
    h = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little")
    one, other = times(s, base), add(r, times(h % ORDER, key))
    same_x = (one[0] * other[2] - other[0] * one[2]) % P == 0
    return same_x and (one[1] * other[2] - other[1] * one[2]) % P == 0


# --- Keys and checkpoints (C2SP signed-note, tlog-checkpoint) --------------------------

Key = tuple[str, bytes, bytes]  # its name, its four bytes, the public key


def read_key(text: str) -> Key:
    """The key of `name+id+key`."""
    name, key_id, encoded = (*text.strip().split("+", 2), "", "")[:3]
    typed = b64decode(encoded, validate=True)
    right_id = sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    if len(typed) != 33 or typed[0] != 1 or key_id != right_id:
        raise ValueError(f"this is no key of a log: {text[:80]!r}")
    return name, bytes.fromhex(key_id), typed[1:]


def read_checkpoint(note: str) -> tuple[int, bytes]:
    """The size and the root that a note tells, whoever signed it."""
    lines = note.partition("\n\n")[0].split("\n")
    root = b64decode(lines[2], validate=True) if len(lines) == 3 else b""
    if len(root) != 32 or not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]):
        raise ValueError(f"this is no checkpoint: {note[:80]!r}")
    return int(lines[1]), root


def is_signed(note: str, key: Key) -> bool:
    """Whether the log's key signed the note: one good signature at least, none false."""
    text, _, signatures = note.partition("\n\n")
    good = []
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix("\u2014 ").partition(" ")
        signature = b64decode(encoded)
        if (name, signature[:4]) == key[:2]:  # else it is another's, such as a witness's
            good.append(ed25519_verifies(key[2], f"{text}\n".encode(), signature[4:]))
    return text.startswith(f"{key[0]}\n") and bool(good) and all(good)


# --- The tree (RFC 6962) ---------------------------------------------------------------


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of what stands above two nodes."""
    return sha256(b"\1" + left + right).digest()


class Tree:
    """Grows leaf by leaf; holds the roots of its full subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.full: list[bytes] = []

    def append(self, node: bytes) -> None:
        """The leaf stands behind the others."""
        self.size += 1
        size = self.size
        while not size & 1:
            node, size = node_hash(self.full.pop(), node), size >> 1
        self.full.append(node)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        root = self.full[-1] if self.full else sha256(b"").digest()
        for left in reversed(self.full[:-1]):
            root = node_hash(left, root)
        return root


def root_from(node: bytes, index: int, size: int, proof: bytes) -> bytes | None:
    """The root that a proof of inclusion leads to (RFC 9162, 2.1.3.2); None: no proof."""
    last = size - 1
    for step in (proof[at : at + 32] for at in range(0, len(proof), 32)):
        if last == 0:
            return None
        if index & 1 or index == last:
            node = node_hash(step, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


# --- What a line says, and what its header must therefore be ---------------------------

Ends = dict[str | None, tuple[int, str | None]]  # a team's last number and leaf hash


def quoted(text: str | None) -> str:
    """As JSON in canonical form (RFC 8785): UTF-8, and nothing escaped that need not be."""
    return "null" if text is None else encode_basestring(text)


def header_of(line: bytes, entry: dict[str, Any], ends: Ends) -> tuple[str, str | None]:
    """The header that this event must have behind its team's last one, and its team."""
    if "data_base64" in entry:  # what is stored is no JSON; it may still look like some
        state = b64decode(entry["data_base64"])
        try:
            said = json.loads(state)
        except (ValueError, RecursionError):
            said = None
    else:  # the last member of its line, where it stands byte for byte
        state, said = line[line.index(b',"data":') + 8 : line.rindex(b"}")], entry["data"]
    told = said if isinstance(said, dict) else {}
    actor, at, team = (
        text if isinstance(text, str) and text.isascii() else None
        for text in (told.get("actor"), told.get("at"), told.get("team_id"))
    )
    team = team if team and UUID.fullmatch(team) else None
    number, previous = ends.get(team, (0, None))
    log, _, position = entry["id"].rpartition("/")
    header = (
        f'{{"actor":{quoted(actor)},"at":{quoted(at)},"log":{quoted(log)},'
        f'"position":{int(position)},"state":"{sha256(state).hexdigest()}",'
        f'"stream":{quoted(entry["subject"])},"team":{quoted(team)},'
        f'"team_previous":{quoted(previous)},"team_seq":{number + 1},'
        f'"topic":{quoted(entry["type"])},"v":1,"version":{int(entry["streamversion"])}}}'
    )
    ends[team] = number + 1, sha256(b"\0" + header.encode()).hexdigest()
    return header, team


def checked(index: int, line: bytes, entry: dict[str, Any], ends: Ends) -> str:
    """The leaf's hash, once it is sure that the event is the one that was sealed."""
    if "type" not in entry or "leafheader" not in entry:
        raise Wrong(index, "the event that was sealed here, or its header, is gone")
    header, team = header_of(line, entry, ends)
    if header != entry["leafheader"]:
        try:
            is_now, was = json.loads(header), json.loads(entry["leafheader"])
            differ = [name for name in is_now if was.get(name) != is_now[name]]
        except (ValueError, AttributeError):
            differ = []
        raise Wrong(index, f"not what was sealed: {', '.join(differ) or 'its header'}")
    return ends[team][1] or ""


# --- Verifying a bundle ----------------------------------------------------------------


class Signed:
    """The checkpoints, the smallest first, and up to which size they were found to hold."""

    def __init__(self, key: Key, notes: Iterable[str]) -> None:
        self.key, self.held, self.last = key, 0, ""
        self.left = sorted((*read_checkpoint(note), note) for note in notes)

    def sure(self, note: str) -> None:
        """A checkpoint of the bundle counts once its signature is checked."""
        if note and not is_signed(note, self.key):
            raise Wrong(self.held, "a checkpoint in the bundle is not signed by the log")

    def meet(self, tree: Tree) -> None:
        """The root over all leaves so far is what was signed at this size."""
        while self.left and self.left[0][0] == tree.size:
            size, root, note = self.left.pop(0)
            if tree.root() != root:
                self.sure(note)
                self.sure(self.last)
                until = f"between here and {size - 1} is not what was signed at {size}"
                raise Wrong(self.held, f"the log was written anew: something {until}")
            self.held, self.last = size, note

    def end(self, size: int) -> None:
        """Nothing that was signed lies beyond the end."""
        for beyond, _, note in self.left:
            self.sure(note)
            raise Wrong(size, f"the log ends here, but was signed at size {beyond}")
        self.sure(self.last)


def verify_whole(lines: Iterable[bytes], signed: Signed) -> int:
    """Every leaf of the log, in order; how many there are."""
    tree, ends = Tree(), Ends()
    signed.meet(tree)
    for line in lines:
        entry, index = json.loads(line), tree.size
        if entry.get("logindex") != str(index):
            raise Wrong(index, f"here stands what was not sealed here: {entry.get('id')}")
        leaf = checked(index, line, entry, ends)
        if leaf != entry.get("leafhash"):
            raise Wrong(index, "the tree holds another hash for it")
        tree.append(bytes.fromhex(leaf))
        signed.meet(tree)
    signed.end(tree.size)
    return tree.size


def verify_team(lines: Iterable[bytes], signed: Signed) -> int:
    """Every event of one team, each proved against the last checkpoint; how many."""
    size, root, note = signed.left[-1]
    signed.sure(note)
    ends, count, last = Ends(), 0, -1
    for line in lines:
        entry = json.loads(line)
        index = int(entry["logindex"])
        leaf = checked(index, line, entry, ends)
        if index <= last or len(ends) > 1:
            raise Wrong(index, "it stands behind a later one, or is another team's")
        if index < size:
            proof = b64decode(entry["inclusionproof"] or "")
            if root_from(bytes.fromhex(leaf), index, size, proof) != root:
                raise Wrong(index, "its proof does not lead to the signed root")
            signed.held = size
        last, count = index, count + 1
    return count


def lines_of(bundle: Path) -> Iterator[bytes]:
    """Every line of the bundle: its checkpoints first, then its events."""
    names = ("checkpoints.ndjson", "events.ndjson")
    if bundle.suffix == ".tar":
        with tarfile.open(bundle) as tar:
            for name in names:
                yield from tar.extractfile(name) or ()
        return
    for path in [bundle / name for name in names] if bundle.is_dir() else [bundle]:
        with path.open("rb") as file:
            yield from file


def verify(
    lines: Iterator[bytes], key_text: str = "", kept: Iterable[str] = ()
) -> tuple[str, int]:
    """A sentence about a bundle in which nothing is wrong, and the exit code for it."""
    published, first, kept = [], b"", list(kept)
    for line in lines:
        entry = json.loads(line)
        if entry.get("type") != CHECKPOINT:
            first = line
            break
        published.append(entry["data"])
    if not published and not kept:
        return "incomplete: nothing in it is signed", INCOMPLETE
    key = read_key(key_text or (published[-1]["key"] if published else "none was given"))
    if not all(is_signed(note, key) for note in kept):
        raise ValueError("a checkpoint that you kept is not signed by this key")
    own = [one["note"] for one in published if one["key"].startswith(f"{key[0]}+")]
    signed = Signed(key, [*own, *kept])
    events = chain([first] if first else [], lines)
    of_team = b'"inclusionproof":' in first
    count = verify_team(events, signed) if of_team else verify_whole(events, signed)
    if count and not signed.held:
        return f"incomplete: none of its {count} events is signed", INCOMPLETE
    what = "events of one team" if of_team else "events, the whole log"
    trust = "" if key_text else f"; compare the key, which is the bundle's own: {key[0]}"
    return f"intact: {count} {what}, signed up to size {signed.held}{trust}", INTACT


def judge(
    lines: Callable[[], Iterator[bytes]], key_text: str, kept: Iterable[str]
) -> tuple[str, int]:
    """What is to be said of a bundle, and the exit code for it."""
    try:
        return verify(lines(), key_text, kept)
    except Wrong as error:
        return f"TAMPERED at {error}", TAMPERED
    except (*UNREADABLE, tarfile.TarError) as error:
        return f"cannot be verified: {error!r}", BAD_INPUT


def main() -> int:
    """Verify what the command line names; the exit code."""
    parser = argparse.ArgumentParser(description="Verify an exported audit log offline.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", default="")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path)
    asked = parser.parse_args()
    key = asked.key
    if key and Path(key).is_file():
        key = Path(key).read_text(encoding="utf-8")
    kept = (one.read_text(encoding="utf-8") for one in asked.checkpoint)
    said, code = judge(lambda: lines_of(asked.bundle), key, kept)
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
