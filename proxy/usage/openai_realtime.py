"""OpenAI's realtime sessions: each response brings its own usage, and a session has many.

What is told is added up. Nothing is told of a response that was begun and has no
`response.done`, or of sound that was committed and has no transcript yet: then the sums are
part of the truth, and `finished` is False. Client events are read for one thing only:
whether a response was asked for that the vendor has not begun. In a conversation responses
come one after the other; those outside of it (`"conversation": "none"`) run beside.

Transcripts of what was said come from a model of their own, at a price of its own; their
tokens are in the sums, and by themselves in `OtherUnits`.
"""

from __future__ import annotations

from enum import Enum, auto

from msgspec import Raw

from proxy.usage.costs import scaled
from proxy.usage.errors import error_in, seen
from proxy.usage.reading import Tally
from proxy.usage.shapes import Number, Shape, count, shaped, total, weight

MILLI = 3  # decimal places from seconds to milliseconds
LONGEST_ID = 100  # characters
MOST_OPEN = 64  # responses, and transcripts, that are waited for at once
_TEXT = frozenset(
    {
        "response.output_text.delta",
        "response.output_audio_transcript.delta",
        "response.function_call_arguments.delta",
        "response.text.delta",  # this and the next until 2025
        "response.audio_transcript.delta",
    }
)
_TRANSCRIPT = "conversation.item.input_audio_transcription."
_CLIENTS_FAULT = "invalid_request_error"


class _InputDetails(Shape):
    cached_tokens: Number = None
    audio_tokens: Number = None


class _OutputDetails(Shape):
    audio_tokens: Number = None


class _Usage(Shape):
    type: str | None = None  # of a transcript: "tokens" or "duration"
    seconds: Raw = Raw()
    input_tokens: Number = None
    output_tokens: Number = None
    total_tokens: Number = None
    input_token_details: _InputDetails | None = None
    output_token_details: _OutputDetails | None = None


class _StatusDetails(Shape):
    error: Raw = Raw()


class _Response(Shape):
    id: str | None = None
    conversation_id: str | None = None  # None: it is outside of it, or the vendor is silent
    model: str | None = None
    status: str | None = None
    status_details: _StatusDetails | None = None
    usage: _Usage | None = None


class _Transcription(Shape):
    model: str | None = None


class _AudioInput(Shape):
    transcription: _Transcription | None = None


class _Audio(Shape):
    input: _AudioInput | None = None


class _Session(Shape):
    type: str | None = None
    model: str | None = None
    audio: _Audio | None = None
    input_audio_transcription: _Transcription | None = None  # until 2025

    @property
    def transcription(self) -> _Transcription | None:
        if self.audio is not None and self.audio.input is not None:
            return self.audio.input.transcription
        return self.input_audio_transcription


class _Event(Shape):
    type: str | None = None
    session: _Session | None = None
    response: _Response | None = None
    response_id: str | None = None
    item_id: str | None = None
    delta: str | None = None
    usage: _Usage | None = None
    error: Raw = Raw()


class _AskedResponse(Shape):
    conversation: str | None = None


class _Asked(Shape):
    type: str | None = None
    response: _AskedResponse | None = None


_read = shaped(_Event)
_read_asked = shaped(_Asked)


class Ask(Enum):
    """How a client asks for a response."""

    NEXT = auto()  # in the conversation
    BESIDE = auto()


class OpenAiRealtime(Tally):
    """Tallies the events of one session."""

    def __init__(self) -> None:
        self._began = False
        self._transcribes = False
        self._asked = False
        self._asked_beside = 0  # outside of the conversation
        self._untold = False  # something was used, and nobody said how much
        self._open: dict[str, int] = {}  # responses under way: bytes of text so far
        self._beside: set[str] = set()  # those of them that are outside
        self._unheard: set[str] = set()  # items whose transcript is to come
        self._unbilled_bytes = 0  # text of responses that ended without usage

    @property
    def waits(self) -> bool:
        """Whether there is something to come that will tell usage."""
        return bool(self._open or self._unheard or self._asked or self._asked_beside)

    def at_once(self, ask: Ask | None = None) -> int:
        """How many responses may be under way together, with the one to be asked for."""
        is_next = self._asked or ask is Ask.NEXT
        next_one = is_next and len(self._open) == len(self._beside)
        return len(self._open) + self._asked_beside + (ask is Ask.BESIDE) + next_one

    def asked(self, ask: Ask) -> None:
        """The vendor is asked for a response."""
        if ask is Ask.BESIDE:
            self._asked_beside += 1
        else:
            self._asked = True

    def event(self, data: bytes) -> bool:
        event = _read(data)
        if event is None:
            return False
        kind = event.type or ""
        if kind in _TEXT:
            self._say(event)
        elif event.session is not None and kind.startswith("session."):
            self._configure(event.session)
        elif event.response is not None and kind == "response.created":
            self._begin(event.response)
        elif event.response is not None and kind == "response.done":
            self._end(event.response)
        elif kind == "input_audio_buffer.committed":
            self._listen(event.item_id)
        elif kind.startswith(_TRANSCRIPT):
            self._transcript(kind.removeprefix(_TRANSCRIPT), event)
        elif kind == "error":
            self._asked, self._asked_beside = False, max(0, self._asked_beside - 1)
            error = error_in(event.error, "stream_event")
            if error is None or error.type != _CLIENTS_FAULT:
                self.fail(error or seen("error", None, None, "stream_event"))
        return True

    def body(self, data: bytes | bytearray) -> bool:  # noqa: ARG002
        return False

    def add_up(self) -> None:
        self.output_bytes = self._unbilled_bytes + sum(self._open.values())
        self.finished = self._began and not (self.waits or self._untold)
        if self.finished and self.input_tokens is self.output_tokens is None:
            self.input_tokens = self.output_tokens = 0

    def _configure(self, session: _Session) -> None:
        self._began = True
        transcription = session.transcription
        self._transcribes = transcription is not None
        self.named(session.model)
        if transcription is not None and session.type == "transcription":
            self.named(transcription.model)

    def _begin(self, response: _Response) -> None:
        if len(self._open) >= MOST_OPEN:  # and it counts as asked for, from now on
            self._untold = True
        elif self._asked_beside and response.conversation_id is None:
            self._asked_beside -= 1
            self._beside.add(_named(response.id))
            self._open[_named(response.id)] = 0
        else:
            self._asked = False
            self._open[_named(response.id)] = 0

    def _say(self, event: _Event) -> None:
        response = _named(event.response_id)
        if response in self._open:
            self._open[response] += weight(event.delta)

    def _end(self, response: _Response) -> None:
        text = self._open.pop(_named(response.id), 0)
        self._beside.discard(_named(response.id))
        self.named(response.model)
        details = response.status_details
        if details is not None:
            self.fail(error_in(details.error, "stream_event"))
        if response.usage is None:
            self._untold = True
            self._unbilled_bytes += text
        else:
            self._charge(response.usage)

    def _listen(self, item: str | None) -> None:
        if self._transcribes and len(self._unheard) < MOST_OPEN:
            self._unheard.add(_named(item))
        elif self._transcribes:
            self._untold = True

    def _transcript(self, step: str, event: _Event) -> None:
        if step not in {"completed", "failed"}:
            return
        self._unheard.discard(_named(event.item_id))
        if event.usage is not None:
            self._charge_transcript(event.usage)
        elif step == "completed":
            self._untold = True

    def _charge_transcript(self, usage: _Usage) -> None:
        if usage.type == "duration":
            self._more(audio_ms=scaled(usage.seconds, MILLI))
            return
        self._charge(usage)
        self._more(transcript_tokens=total(usage.input_tokens, usage.output_tokens))

    def _charge(self, usage: _Usage) -> None:
        into, out = usage.input_token_details, usage.output_token_details
        if count(usage.input_tokens) is None or count(usage.output_tokens) is None:
            self._untold = True
        self.input_tokens = total(self.input_tokens, usage.input_tokens)
        self.output_tokens = total(self.output_tokens, usage.output_tokens)
        self.total_tokens = total(self.total_tokens, usage.total_tokens)
        if into is not None:
            self.cache_read_tokens = total(self.cache_read_tokens, into.cached_tokens)
            self._more(audio_input_tokens=into.audio_tokens)
        if out is not None:
            self._more(audio_output_tokens=out.audio_tokens)

    def _more(self, **units: Number) -> None:
        """So much more of it was used."""
        before = self.other
        self.also(
            **{
                unit: total(None if before is None else getattr(before, unit), number)
                for unit, number in units.items()
            }
        )


def asks_for(data: bytes) -> Ask | None:
    """The response that a client's event asks for, if it does."""
    if b"response.create" not in data and b"\\" not in data:
        return None
    event = _read_asked(data)
    if event is None or event.type != "response.create":
        return None
    outside = event.response is not None and event.response.conversation == "none"
    return Ask.BESIDE if outside else Ask.NEXT


def _named(name: str | None) -> str:
    """An id, as far as it is kept: a vendor's may be of any length."""
    return (name or "")[:LONGEST_ID]
