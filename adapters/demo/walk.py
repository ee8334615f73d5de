"""The story in order, and whether what we settled equals what the vendor counted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2

from adapters.demo.bot import SECONDS, Bot
from adapters.demo.instance import throwaway_instance
from adapters.demo.person import Person
from adapters.demo.transcript import Transcript
from adapters.simulator import started

VENDORS = ("openai", "anthropic", "google")

Counted = Mapping[str, tuple[int | None, int | None]]  # input and output tokens by model


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What both sides counted, and what the key was seen in."""

    ours: Counted
    ledger: Counted
    summary: Mapping[str, Any]
    stream: list[Mapping[str, Any]]
    key_was_shown: bool

    @property
    def equal(self) -> bool:
        """Whether every number is the same on both sides, and known."""
        numbers = [number for pair in self.ours.values() for number in pair]
        total = (self.summary["input_tokens"], self.summary["output_tokens"])
        return (
            self.ours == self.ledger
            and None not in numbers
            and total == _total(self.ledger)
        )


def walk(url: str | None, simulator_port: int, transcript: Transcript) -> Outcome:
    """The whole story, at the instance given or at one of its own; `BadSetup`."""
    canary = f"sk-canary-{secrets.token_hex(16)}"
    with ExitStack() as stack:
        transcript.step("A vendor that counts exactly, and an instance that may call it")
        vendor = stack.enter_context(started(key=canary, port=simulator_port)).url
        control = url or stack.enter_context(throwaway_instance(egress_allow=vendor))
        transcript.tell(f"vendor {vendor}   control plane {control}")
        client = stack.enter_context(httpx2.Client(base_url=control, timeout=SECONDS))
        person = Person(client)
        bot = _set_up(person, vendor, canary, transcript)
        call_id = _calls(bot, transcript)
        summary = _usage(person, bot.call_id, transcript)
        stream = _replay(person, call_id, transcript)
        ours = {
            call["model"]: (call["input_tokens"], call["output_tokens"])
            for call in person.get("/api/usage/calls")["items"]
        }
        ledger = {
            item["model"]: (item["input_tokens"], item["output_tokens"])
            for item in httpx2.get(f"{vendor}/ledger").json()["items"]
        }
        return Outcome(
            ours=ours,
            ledger=ledger,
            summary=summary,
            stream=stream,
            key_was_shown=any(canary in answer for answer in person.answers),
        )


def _set_up(person: Person, vendor: str, canary: str, transcript: Transcript) -> Bot:
    transcript.step("Somebody registers, and a team of their own comes with it")
    signed_in = person.register()
    transcript.tell(f"{signed_in['user']['email']} is {signed_in['team']['role']}")

    transcript.step("They store a provider key for each vendor; nothing shows it again")
    keys = [person.add_key(name, canary, vendor) for name in VENDORS]
    for key in keys:
        transcript.tell(f"{key['vendor']:<10} …{key['last4']}   {key['status']}")

    transcript.step("They make a bot that runs elsewhere; it gets a token, and no key")
    made = person.post(
        "/api/bot",
        {
            "name": "Ada",
            "hostname": "ada",
            "runtime": "external",
            "providers": [{"provider_key_id": key["id"]} for key in keys],
        },
    )
    token = made["bot_token"]
    transcript.tell(f"{token[:8]}…   calls {made['bot']['proxy_base_url']}")
    return Bot(made["bot"]["proxy_base_url"], token)


def _calls(bot: Bot, transcript: Transcript) -> str:
    """Three calls are made; the id of the streamed one."""
    transcript.step(f"The bot calls OpenAI with {bot.client}, and its answer streams")
    transcript.stream(bot.openai_stream("Who are you?"))
    streamed = bot.call_id
    transcript.step("It calls Anthropic and Gemini the way their clients do")
    transcript.tell(f"anthropic  {bot.anthropic('And who are you?').text}")
    transcript.tell(f"gemini     {bot.gemini('And you, at last?').text}")
    return streamed


def _usage(person: Person, last_call: str, transcript: Transcript) -> dict[str, Any]:
    position = person.position_of_end(last_call)
    transcript.step(f"Usage, as of the last settlement: ?after_position={position}")
    summary = person.get("/api/usage/summary", after_position=position)
    shown = ("calls", "settled", "unmetered", "input_tokens", "output_tokens")
    transcript.table(shown, [[summary[name] for name in shown]])
    return summary


def _replay(
    person: Person, call_id: str, transcript: Transcript
) -> list[Mapping[str, Any]]:
    transcript.step(f"An auditor replays the streamed call {call_id}")
    steps: list[Mapping[str, Any]] = person.get(f"/api/audit/stream/call/{call_id}")[
        "items"
    ]
    columns = ("#", "at", "event", "by", "status after")
    rows = [
        (
            step["version"],
            step["at"][11:23],
            step["type"],
            step["actor"][:12],
            step["state"]["status"],
        )
        for step in steps
    ]
    transcript.table(columns, rows)
    return steps


def tell_comparison(outcome: Outcome, transcript: Transcript) -> None:
    """Both sides' numbers, and whether they are the same."""
    transcript.step("Our settled tokens beside the vendor's own ledger (in / out)")
    models = sorted(outcome.ours.keys() | outcome.ledger.keys())
    rows = [
        (model, _shown(outcome.ours.get(model)), _shown(outcome.ledger.get(model)))
        for model in models
    ]
    total = (outcome.summary["input_tokens"], outcome.summary["output_tokens"])
    rows.append(("together", _shown(total), _shown(_total(outcome.ledger))))
    transcript.table(("model", "settled by us", "vendor's ledger"), rows)
    seen = "was shown by us: that must not be" if outcome.key_was_shown else "never was"
    transcript.tell(f"The key in any answer of the control plane: {seen}.")
    transcript.verdict(
        "The numbers are equal." if outcome.equal else "The numbers differ.",
        good=outcome.equal and not outcome.key_was_shown,
    )


def _shown(pair: tuple[int | None, int | None] | None) -> str:
    return "nothing" if pair is None else f"{pair[0]} / {pair[1]}"


def _total(counted: Counted) -> tuple[int, int]:
    pairs = counted.values()
    return sum(pair[0] or 0 for pair in pairs), sum(pair[1] or 0 for pair in pairs)
