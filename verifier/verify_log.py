#!/usr/bin/env python3
"""Verify an exported audit log offline: no database, no network, nothing of ClawBotManager.

    python3 verify_log.py BUNDLE [--key KEY] [--checkpoint FILE]... [--witness KEY]...
                             [--month FILE]...

BUNDLE        what `clawbot audit export` or GET /api/audit/export gave: a folder, a tar
              file, or one .ndjson file.
--key         the log's public key as you were given it earlier (text, or a file with it).
              Without it the bundle's own key is believed, which proves less.
--checkpoint  a signed checkpoint that you kept: with it nobody can cut the log short or
              write it anew without being found out.
--witness     the public key of a witness: its line must stand under a checkpoint, too.
--month       what `clawbot calls detach` wrote of a month that was taken out of the log.

Leaves with 0: intact. 1: tampered with; the first wrong index is named. 2: incomplete,
nothing signed covers it. 3: this is no bundle, key or checkpoint.

What is checked, event by event:
  1. The header that was sealed is exactly what the stored event makes it: it holds the
     SHA-256 of the stored bytes (`data`), and what they say of actor, time and team.
  2. The header's hash is the one in the tree (`leafhash`), or leads to a signed root
     (`inclusionproof`). The tree is that of RFC 6962.
  3. Every team's events are numbered from 1 on, and each names the hash of the one before.
  4. At every checkpoint, the root over all leaves so far is the root that was signed.
  5. Where an event is gone its header is there, and an event says that the whole month of
     its call was taken out, with the number and the root of those leaves. So is its file.
"""

import argparse
import json
import re
import sys
import tarfile
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import reduce
from hashlib import sha256, sha512
from itertools import chain
from pathlib import Path
from typing import Any

INTACT, TAMPERED, INCOMPLETE, BAD_INPUT = 0, 1, 2, 3
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
CHECKPOINT = "clawbot.audit.checkpoint"
Found = tuple[int, int]  # how many events there are, and up to which size they are signed


class Wrong(Exception):
    """The log was tampered with; `index` is the first place where it shows."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"index {index}: {why}")
        self.index = index


# --- Ed25519 (RFC 8032, 5.1.7), in whole numbers ------
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
    if number == 0:
        return 0, 1, 1, 0
    even = times(number >> 1, add(base, base))
    return add(even, base) if number & 1 else even


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the public key over the message."""
    base = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    key, r = point(public), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER or not (base and key and r):
        return False
    h = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little")
    one, other = times(s, base), add(r, times(h % ORDER, key))
    return all((one[i] * other[2] - other[i] * one[2]) % P == 0 for i in (0, 1))


# --- Keys and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature) ----------
LOG, WITNESS = 1, 4  # what a key signs as
Key = tuple[str, bytes, int, bytes]  # its name, its id, what it signs as, the public key


def read_key(text: str, kind: int = LOG) -> Key:
    """The key of `name+id+key`."""
    name, key_id, encoded = (*text.strip().split("+", 2), "", "")[:3]
    typed = b64decode(encoded, validate=True)
    right_id = sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    if len(typed) != 33 or typed[0] != kind or key_id != right_id:
        raise ValueError(f"this is no such key: {text[:80]!r}")
    return name, bytes.fromhex(key_id), kind, typed[1:]


def read_checkpoint(note: str) -> tuple[int, bytes]:
    """The size and the root that a note tells, whoever signed it."""
    lines = note.partition("\n\n")[0].split("\n")
    root = b64decode(lines[2], validate=True) if len(lines) == 3 else b""
    if len(root) != 32 or not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]):
        raise ValueError(f"this is no checkpoint: {note[:80]!r}")
    return int(lines[1]), root


def is_signed(note: str, key: Key) -> bool:
    """Whether the key signed the note: one good signature at least, and none false."""
    (text, _, signatures), (key_name, key_id, kind, public) = note.partition("\n\n"), key
    good = []
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix("\u2014 ").partition(" ")
        signature, message = b64decode(encoded), f"{text}\n"
        if (name, signature[:4]) != (key_name, key_id):
            continue  # it is somebody else's
        if kind == WITNESS:  # in front stands at which second it signed
            time, signature = int.from_bytes(signature[4:12], "big"), signature[8:]
            message = f"cosignature/v1\ntime {time}\n{message}"
        good.append(ed25519_verifies(public, message.encode(), signature[4:]))
    of_this_log = kind == WITNESS or text.startswith(f"{key_name}\n")
    return of_this_log and bool(good) and all(good)


# --- The tree (RFC 6962) -----------------------------------------------------------------
def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of what stands above two nodes."""
    return sha256(b"\1" + left + right).digest()


def grow(full: list[bytes], size: int, leaf: bytes) -> None:
    """The leaf stands behind `size` others; `full` are the roots of full subtrees."""
    while size & 1:
        leaf, size = node_hash(full.pop(), leaf), size >> 1
    full.append(leaf)


def root_of(full: list[bytes]) -> bytes:
    """The root over all leaves so far."""
    empty = sha256(b"").digest()
    return reduce(lambda right, left: node_hash(left, right), full[::-1] or [empty])


def root_from(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root that a proof of inclusion leads to; if its length is wrong, to nothing."""
    if size == 1 or not proof:
        return b"" if size > 1 or proof else leaf
    half, (*below, beside) = 1 << (size - 1).bit_length() - 1, proof
    if index < half:
        return node_hash(root_from(leaf, index, half, below), beside)
    return node_hash(beside, root_from(leaf, index - half, size - half, below))


# --- What a line says, and what its leaf must therefore be -------------------------------
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Ends = dict[str | None, tuple[int, str | None]]  # a team's last number and leaf hash
Line = tuple[dict[str, Any], bytes]
canonical = json.JSONEncoder(  # RFC 8785: there are no floats in a header
    ensure_ascii=False, separators=(",", ":"), sort_keys=True
).encode


def split(line: bytes) -> Line:
    """What a line says of an event, and the event byte for byte as it is stored."""
    head, is_json, rest = line.partition(b',"data":')  # the last member of its line
    if is_json:
        return json.loads(head + b"}"), rest[: rest.rindex(b"}")]
    entry = json.loads(line)
    return entry, b64decode(entry.get("data_base64", ""))


class Months:
    """The leaves whose events were taken out, by the month in their call's id (UUIDv7)."""

    def __init__(self) -> None:
        self.out: dict[str, tuple[int, list[bytes]]] = {}  # the first index, the leaves
        self.said: dict[str, tuple[int, str]] = {}  # how many there are, and their root

    def hear(self, entry: dict[str, Any], state: bytes) -> None:
        """An event of the log may say that a month was taken out."""
        if entry.get("type") == "calls_month.detached":
            said = json.loads(state)["event"]
            self.said[said["month"]] = said["events"], said["root"]

    def leaf(self, index: int, entry: dict[str, Any], ends: Ends) -> bytes:
        """The hash of a leaf without its event, which follows its team's last one."""
        text = entry.get("leafheader") or "{}"
        header = json.loads(text)
        team, month = header.get("team"), month_of(header)
        number, previous = ends.get(team, (0, None))
        place = header.get("team_seq"), header.get("team_previous")
        if not month or place != (number + 1, previous):
            raise Wrong(index, "the event that was sealed here, or its header, is gone")
        leaf = sha256(b"\0" + text.encode())
        ends[team] = number + 1, leaf.hexdigest()
        self.out.setdefault(month, (index, []))[1].append(leaf.digest())
        return leaf.digest()

    def end(self) -> None:
        """All that is gone is all of months that the log says were taken out."""
        for month, (index, leaves) in self.out.items():
            if self.said.get(month) != (len(leaves), root_over(leaves)):
                why = f"nor was the whole of {month} taken out"
                raise Wrong(index, f"the event that was sealed here is gone, {why}")

    def compare(self, lines: Iterable[bytes]) -> str:
        """The month of a file that holds just what was taken out."""
        leaves, month = [], ""
        for entry, state in map(split, lines):
            header, index = json.loads(entry["leafheader"]), int(entry["logindex"])
            ends: Ends = {header["team"]: (header["team_seq"] - 1, header["team_previous"])}
            leaves.append(leaf_of(index, entry, state, ends, Months()))
            month = month_of(header)
        if self.said.get(month) != (len(leaves), root_over(leaves)):
            raise ValueError(f"a file is not what was taken out of the log: {month!r}")
        return month


def month_of(header: dict[str, Any]) -> str:
    """The month of a call; nothing of any other event."""
    stream = header.get("stream", "")
    if header.get("log") != "calls" or not UUID.fullmatch(stream) or stream[14] != "7":
        return ""
    seconds = int(stream[:8] + stream[9:13], 16) / 1000
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m")


def root_over(leaves: list[bytes]) -> str:
    """The root over some leaves, in hex digits."""
    full = list[bytes]()
    for size, leaf in enumerate(leaves):
        grow(full, size, leaf)
    return root_of(full).hex()


def leaf_of(
    index: int, entry: dict[str, Any], state: bytes, ends: Ends, months: Months
) -> bytes:
    """The hash of this event's leaf, which follows its team's last one."""
    if "type" not in entry or "leafheader" not in entry:
        return months.leaf(index, entry, ends)
    months.hear(entry, state)
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(state)
    told = said if isinstance(said, dict) else {}
    actor, at, team = (
        text if isinstance(text, str) and text.isascii() else None
        for text in map(told.get, ("actor", "at", "team_id"))
    )
    team = team if team and UUID.fullmatch(team) else None
    number, previous = ends.get(team, (0, None))
    log, _, position = entry["id"].rpartition("/")
    header = {"actor": actor, "at": at, "team": team, "v": 1}
    header |= {"team_seq": number + 1, "team_previous": previous}
    header |= {"log": log, "position": int(position), "topic": entry["type"]}
    header |= {"stream": entry["subject"], "version": int(entry["streamversion"])}
    text = canonical(header | {"state": sha256(state).hexdigest()})
    if text != entry["leafheader"]:
        raise Wrong(index, f"not what was sealed; what is stored makes {text}")
    leaf = sha256(b"\0" + text.encode())
    ends[team] = number + 1, leaf.hexdigest()
    return leaf.digest()


# --- Verifying a bundle ------------------------------------------------------------------
def verify_log(lines: Iterator[Line], key: Key, notes: list[str], months: Months) -> Found:
    """Every leaf of the log, in order; `Wrong` names the first place."""
    try:
        return every_leaf(lines, key, notes, months)
    except Wrong as wrong:
        with suppress(*UNREADABLE):  # anything may stand behind it
            for entry, state in lines:
                months.hear(entry, state)
        for month, (index, _) in months.out.items():
            if index < wrong.index and month not in months.said:
                raise Wrong(index, "the event that was sealed here is gone") from wrong
        raise


def every_leaf(lines: Iterable[Line], key: Key, notes: list[str], months: Months) -> Found:
    """As `verify_log`, but what is gone shows behind what is wrong."""
    full, ends, size, held, last = list[bytes](), Ends(), 0, 0, ""
    left = sorted(((*read_checkpoint(note), note) for note in notes), reverse=True)

    def sure(*notes: str) -> None:  # what contradicts nothing needs no look of its own
        if not all(is_signed(note, key) for note in notes if note):
            raise Wrong(held, "a checkpoint in the bundle is not signed by the log")

    for entry, state in chain([({}, b"")], lines):  # before the first, a root is signed too
        if entry:
            if entry.get("logindex") != str(size):
                raise Wrong(size, f"not what was sealed here: {entry.get('id')}")
            leaf = leaf_of(size, entry, state, ends, months)
            if leaf.hex() != entry.get("leafhash"):
                raise Wrong(size, "the tree holds another hash for it")
            grow(full, size, leaf)
            size += 1
        while left and left[-1][0] == size:
            _, root, note = left.pop()
            if root_of(full) != root:
                sure(note, last)
                between = f"between here and {size - 1}"
                raise Wrong(held, f"something {between} is not what was signed at {size}")
            held, last = size, note
    months.end()
    for beyond, _, note in left[-1:]:
        sure(note)
        raise Wrong(size, f"the log ends here, but was signed at size {beyond}")
    sure(last)
    return size, held


def verify_team(lines: Iterable[Line], key: Key, notes: list[str], months: Months) -> Found:
    """One team's events, each proved against the checkpoint, of which there is one."""
    ends, count, last, held = Ends(), 0, -1, 0
    (size, root), *others = {read_checkpoint(note) for note in notes}
    if others or not all(is_signed(note, key) for note in notes):
        raise Wrong(0, "a checkpoint is not signed by the log, or another is of this size")
    for entry, state in lines:
        index = int(entry["logindex"])
        leaf = leaf_of(index, entry, state, ends, months)
        if index <= last or len(ends) > 1:
            raise Wrong(index, "it stands behind a later one, or is another team's")
        if index < size:
            proof = b64decode(entry["inclusionproof"] or "")
            steps = [proof[at : at + 32] for at in range(0, len(proof), 32)]
            if root_from(leaf, index, size, steps) != root:
                raise Wrong(index, "its proof does not lead to the signed root")
            held = size
        last, count = index, count + 1
    return count, held


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
    lines: Iterable[bytes],
    key_text: str = "",
    kept: Iterable[str] = (),
    witnesses: Iterable[str] = (),
    files: Iterable[Iterable[bytes]] = (),
) -> tuple[str, int]:
    """A sentence about a bundle in which nothing is wrong, and the exit code for it."""
    events, published, kept, first = map(split, lines), [], list(kept), list[Line]()
    for entry, data in events:
        if entry.get("type") != CHECKPOINT:
            first = [(entry, data)]
            break
        published.append(json.loads(data))
    if not published and not kept:
        return "incomplete: nothing in it is signed", INCOMPLETE
    key = read_key(key_text or (published[-1]["key"] if published else "none was given"))
    if not all(is_signed(note, key) for note in kept):
        raise ValueError("a checkpoint that you kept is not signed by this key")
    notes = [one["note"] for one in published if one["key"].startswith(f"{key[0]}+")] + kept
    of_team = bool(first) and "inclusionproof" in first[0][0]
    if of_team:  # its proofs lead to one checkpoint; others cannot be compared with that
        size = read_checkpoint(notes[0])[0]
        notes = [note for note in notes if read_checkpoint(note)[0] == size]
    judge_all, months = verify_team if of_team else verify_log, Months()
    count, held = judge_all(chain(first, events), key, notes, months)
    if count and not held:
        return f"incomplete: none of its {count} events is signed", INCOMPLETE
    if of_team and months.out:
        return f"incomplete: of {', '.join(months.out)} only headers are here", INCOMPLETE
    what = "events of one team" if of_team else "events, the whole log"
    said = f"intact: {count} {what}, signed up to size {held}"
    said += "".join(f"; {month} was taken out whole" for month in months.out)
    said += "".join(f"; {months.compare(file)} is in its file" for file in files)
    for witness in [read_key(text, WITNESS) for text in witnesses]:
        sizes = [read_checkpoint(note)[0] for note in notes if is_signed(note, witness)]
        if not sizes:
            return f"incomplete: {witness[0]} signed none of the checkpoints", INCOMPLETE
        said += f", seen by {witness[0]} up to {max(sizes)}"
    trust = "" if key_text else f"; compare the key, which is the bundle's own: {key[0]}"
    return said + trust, INTACT


def judge(*asked: Any) -> tuple[str, int]:
    """As `verify`, and of a bundle in which something is wrong, what and where."""
    try:
        return verify(*asked)
    except Wrong as error:
        return f"TAMPERED at {error}", TAMPERED
    except (*UNREADABLE, tarfile.TarError) as error:
        return f"cannot be verified: {error!r}", BAD_INPUT


def text_of(given: str) -> str:
    """The text itself, or what is in the file of that name."""
    return Path(given).read_text("utf-8") if given and Path(given).is_file() else given


def main() -> int:
    """Verify what the command line names; the exit code."""
    parser = argparse.ArgumentParser(description="Verify an exported audit log offline.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", default="", type=text_of)
    parser.add_argument("--checkpoint", action="append", default=[], type=text_of)
    parser.add_argument("--witness", action="append", default=[], type=text_of)
    parser.add_argument("--month", action="append", default=[], type=Path)
    asked = parser.parse_args()
    said, code = judge(
        *(lines_of(asked.bundle), asked.key, asked.checkpoint, asked.witness),
        map(lines_of, asked.month),
    )
    print(said)
    return code


if __name__ == "__main__":
    sys.exit(main())
