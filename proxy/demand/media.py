"""What images, sound, video and files count as, in tokens: a bound for each kind.

Their base64 is not read as text. Sources, as of 2026:
- OpenAI, "Images and vision": 85 + 170 tokens for each of at most 8 tiles (gpt-4o), or
  1,536 patches times 1.62 (mini) to 2.46 (nano); gpt-4o-mini 2,833 + 5,667 a tile; with
  detail `original` 10,000 patches.
- Anthropic, "Vision": width x height / 750, at most about 1,600; 4,784 from Opus 4.7 on.
  "PDF support": 1,500 to 3,000 tokens of text a page, and the page as an image.
- Google, "Media resolution": at most 2,240 an image. "Understand and count tokens": 32
  tokens a second of sound, 263 of video.
- Qwen-VL: at most 16,384 an image.

Of compressed sound and video only the size is known: 32 tokens a second are one for every
23 bytes at 6 kbit/s, the slowest that speech codecs go. Files may exceed their bound (pages
compress well), and so may whatever is only referred to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

NEWEST_OPENAI = re.compile(r"gpt-(5\.[4-9]|[6-9])")
OPENAI = re.compile(r"gpt-\d|chatgpt|o\d")

LOW_DETAIL, LOW_DETAIL_MINI = 700, 2_833
TILES_MINI = 2_833 + 8 * 5_667
PATCHES, PATCHES_ORIGINAL = 3_779, 10_000
CLAUDE_3_IMAGE, CLAUDE_IMAGE = 1_600, 4_784
GEMINI_IMAGE, QWEN_IMAGE, OTHER_IMAGE = 2_240, 16_384, 4_784
PAGE = 3_000 + CLAUDE_IMAGE
REFERRED = 16_384  # a file, sound or film of which we see no more than where it is
BYTES_PER_TOKEN = 16  # of sound and film in base64
LONGEST_ID = 64

Kind = Literal["image", "sound", "file"]

# What a part's medium stands under; None: its type or its MIME type says what it is.
KEYS: Mapping[str, Kind | None] = MappingProxyType(
    {
        "image_url": "image",
        "image": "image",
        "images": "image",
        "input_audio": "sound",
        "audio_url": "sound",
        "audio": "sound",
        "video_url": "sound",
        "video": "sound",
        "document_url": "file",
        "file": None,
        "file_data": None,
        "file_id": None,
        "file_url": None,
        "fileData": None,
        "inlineData": None,
        "inline_data": None,
        "source": None,
        "data": None,
        "uri": None,
        "result": None,
    }
)
_UNSURE = frozenset({"data", "uri", "result"})  # only where the part's type says so
_TYPES: Mapping[str, Kind] = MappingProxyType(
    {
        "image": "image",
        "input_image": "image",
        "computer_screenshot": "image",
        "image_generation_call": "image",
        "audio": "sound",
        "video": "sound",
        "document": "file",
        "input_file": "file",
    }
)
_MIME_TYPES = ("mimeType", "mime_type", "media_type")


class Medium(NamedTuple):
    """One medium in a prompt."""

    tokens: int
    seen: bool  # it is in the body, or what it counts as does not depend on what it is


def medium(key: str, part: dict[str, Any], model: str) -> Medium | None:
    """What the medium under that key of the part counts as; None: there is none."""
    value = part[key]
    kind = _kind(key, value, part)
    if kind is None:
        return None
    if kind == "image" or type(value) is list:  # a film may come as its pictures
        pictures = len(value) if type(value) is list else 1
        holder = value if type(value) is dict else part
        return Medium(pictures * _image(model, holder.get("detail")), seen=True)
    data = _inline(value)
    if data is None:
        return Medium(REFERRED, seen=False)
    if kind == "sound":
        return Medium(len(data) // BYTES_PER_TOKEN + 1, seen=True)
    return Medium(max(len(data), PAGE), seen=False)


def _kind(key: str, value: object, part: dict[str, Any]) -> Kind | None:
    told = KEYS[key]
    if told is not None:
        return told
    if key == "source" and (
        type(value) is not dict or value.get("type") in {"text", "content"}
    ):
        return None  # Anthropic's documents may be text
    by_type = _TYPES.get(part["type"]) if type(part.get("type")) is str else None
    if key in _UNSURE:
        return by_type
    holder = value if type(value) is dict else part
    for name in _MIME_TYPES:
        mime = holder.get(name)
        if type(mime) is str:
            return _TYPES.get(mime.partition("/")[0]) or by_type or "file"
    return by_type or "file"


def _inline(value: object) -> str | None:
    """The base64 itself; None where there is an address, an id or nothing."""
    if type(value) is dict:
        value = value.get("data") or value.get("file_data") or value.get("url")
    if type(value) is not str:
        return None
    if value.startswith("data:"):
        return value
    return value if len(value) > LONGEST_ID and "://" not in value[:LONGEST_ID] else None


def _image(model: str, detail: object) -> int:
    """The most that one image counts as."""
    if OPENAI.match(model):
        mini = model.startswith("gpt-4o-mini")
        if detail == "low":
            return LOW_DETAIL_MINI if mini else LOW_DETAIL
        if detail == "original" or (NEWEST_OPENAI.match(model) and detail != "high"):
            return PATCHES_ORIGINAL
        return TILES_MINI if mini else PATCHES
    if model.startswith("claude-"):
        return CLAUDE_3_IMAGE if model.startswith("claude-3") else CLAUDE_IMAGE
    if model.startswith(("gemini", "gemma")):
        return GEMINI_IMAGE
    return QWEN_IMAGE if model.startswith(("qwen", "qvq")) else OTHER_IMAGE
