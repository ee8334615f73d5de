"""How the simulator counts tokens and what it says, so that a test can foretell both.

The rule: a text has one token for every started 4 bytes of its UTF-8, and every message
costs 3 tokens more. Only texts are counted: no images, tools or tool results' structure.
A system prompt counts as a message. Reasoning tokens are those the script asks for. A call
of a tool counts its arguments; one that a limit would cut is said as text instead.
"""

from __future__ import annotations

import json

TOKEN_BYTES = 4
MESSAGE_TOKENS = 3
USUAL_TOKENS = 64
GREETING = "Hello from the simulator."
FILLER = "All work and no play makes the simulator a dull vendor. "
PIECE_CHARACTERS = 4
BIG_PIECE_CHARACTERS = 4096
BIG_CHARACTERS = 65_536


def tokens_of(text: str) -> int:
    """One token for every started 4 bytes of UTF-8."""
    size = len(text) if text.isascii() else len(text.encode())
    return (size + TOKEN_BYTES - 1) // TOKEN_BYTES


def tokens_of_message(*texts: str) -> int:
    """The tokens of each text by itself, and 3 for the message."""
    return MESSAGE_TOKENS + sum(map(tokens_of, texts))


def greeting(last_text: str) -> str:
    """The answer to a prompt when nothing else was asked for: at most 64 tokens."""
    said = f"{GREETING} You said: {last_text}" if last_text else GREETING
    return first_bytes(said, USUAL_TOKENS * TOKEN_BYTES)


def arguments(last_text: str) -> str:
    """What a tool is called with: the user's text, as `{"text": ...}`."""
    return json.dumps({"text": last_text[:USUAL_TOKENS]}, separators=(",", ":"))


def lengthened(text: str, size: int) -> str:
    """The text, followed by filler or shortened until it has `size` bytes of UTF-8.

    Where that would cut a character in two it is left out, so up to 3 bytes are missing:
    the number of tokens is the same.
    """
    missing = size - len(text.encode())
    if missing <= 0:
        return first_bytes(text, size)
    return text + (FILLER * (missing // len(FILLER) + 1))[:missing]


def first_bytes(text: str, size: int) -> str:
    """The longest start of the text that fits into `size` bytes of UTF-8."""
    if text.isascii():
        return text[:size]
    return text.encode()[:size].decode(errors="ignore")


def pieces_of(text: str) -> list[str]:
    """The text in the pieces in which a stream carries it: 4 characters each.

    Texts of more than 65536 come in pieces of 4096: a big answer is no million events.
    """
    step = BIG_PIECE_CHARACTERS if len(text) > BIG_CHARACTERS else PIECE_CHARACTERS
    return [text[at : at + step] for at in range(0, len(text), step)]
