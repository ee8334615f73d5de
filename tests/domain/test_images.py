"""Image references and the allow-list."""

from __future__ import annotations

import pytest

from domain.errors import InvalidFields
from domain.images import Image, ImageFamily, image_of, is_allowed

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("openclaw", Image(name="openclaw", tag=None, digest=None)),
        ("openclaw:latest", Image(name="openclaw", tag="latest", digest=None)),
        ("clawbot/bot:1.2", Image(name="clawbot/bot", tag="1.2", digest=None)),
        (
            f"registry.example:5000/a/b:1@{DIGEST}",
            Image(name="registry.example:5000/a/b", tag="1", digest=DIGEST),
        ),
        (
            "registry.example:5000/a",
            Image(name="registry.example:5000/a", tag=None, digest=None),
        ),
    ],
)
def test_a_reference_is_read(reference: str, image: Image) -> None:
    assert image_of(reference) == image


@pytest.mark.parametrize(
    "reference",
    [
        "",
        ":",
        "a:",
        "UPPER",
        "a b",
        "a\n",
        "../x",
        "/x",
        "x/",
        "-x",
        "a:b:c",
        "a@sha256:12",
        "a@",
        "a@md5:" + "a1" * 32,
        "a;rm",
        "a" * 256,
        "a:" + "t" * 129,
    ],
)
def test_what_is_no_reference_is_refused(reference: str) -> None:
    with pytest.raises(InvalidFields):
        image_of(reference)


@pytest.mark.parametrize(
    ("reference", "entry"),
    [
        ("openclaw:latest", "openclaw"),
        ("openclaw:latest", "openclaw:latest"),
        ("openclaw", "openclaw:latest"),
        ("clawbot/bot:7", "clawbot/*"),
        (f"openclaw@{DIGEST}", DIGEST),
    ],
)
def test_a_listed_image_is_allowed(reference: str, entry: str) -> None:
    assert is_allowed(reference, ("other", entry))


@pytest.mark.parametrize(
    ("reference", "entry"),
    [
        ("openclaw:other", "openclaw:latest"),
        ("evil/openclaw", "openclaw"),
        ("openclaw-evil", "openclaw"),
        ("clawbotx/bot", "clawbot/*"),
    ],
)
def test_an_image_that_is_not_listed_is_not_allowed(reference: str, entry: str) -> None:
    assert not is_allowed(reference, (entry,))


def test_the_last_part_of_the_name_tells_the_family() -> None:
    assert image_of("x.example/openclaw:1").family is ImageFamily.OPENCLAW
    assert image_of("openclaw/other").family is ImageFamily.PLAIN
