"""The paths that a narrowed bot token may be used for: globs over what follows the vendor.

`*` stands for any text without a slash, `**` for any text. A version in front of the path
(`v1`, `v1beta`) need not be named, as SDKs put it there or not. Matching takes time in
proportion to the two lengths multiplied, whatever the glob.
"""

from __future__ import annotations

from domain.paths import plain_segments

MOST_PATHS = 20
LONGEST_PATH = 200


def reaches(globs: tuple[str, ...], tail: str) -> bool:
    """Whether one of the globs matches the raw path behind the vendor's name."""
    segments = plain_segments(tail)
    if segments is None:
        return False
    paths = ["/".join(segments)]
    if len(segments) > 1 and _is_version(segments[0]):
        paths.append("/".join(segments[1:]))
    return any(matches(glob, path) for glob in globs for path in paths)


def _is_version(segment: str) -> bool:
    return segment[:1] == "v" and segment[1:2].isdigit() and segment.isalnum()


def matches(glob: str, path: str) -> bool:
    """Whether the glob matches all of the path."""
    signs = _signs(glob.strip("/"))
    # Which beginnings of the path the signs so far can match: a table, row by row.
    row = [True] + [False] * len(path)
    for sign in signs:
        after = [row[0] and sign in _STARS] + [False] * len(path)
        for end, character in enumerate(path, start=1):
            if sign in _STARS:
                longer = after[end - 1] and (sign == "**" or character != "/")
                after[end] = row[end] or longer
            else:
                after[end] = row[end - 1] and character == sign
        row = after
    return row[-1]


_STARS = frozenset({"*", "**"})


def _signs(glob: str) -> list[str]:
    parts = glob.split("**")
    signs: list[str] = []
    for nth, part in enumerate(parts):
        signs += ["**"] if nth else []
        signs += list(part)
    return signs
