"""`/api/v1/auto/*`: the bot's routing chooses vendor, model and key.

    chat/completions, responses, embeddings      in OpenAI's format
    v1/messages                                  in Anthropic's
    models                                       what links and policy name; nobody is asked

"auto", or no model, asks for the bot's policy; without one for its primary model: that of
the first link that has one, or else the one model of the first link that names exactly
one; of several the first that can be asked in the format. A model that a link names or
leaves open (`linked_models`), or the id of a fallback chain, is meant as such.

Bytes pass through: each candidate's vendor has an endpoint of the format that was spoken,
and only the model's name is another one, and what the vendor would not take (`fitting`),
or would take for other models that it may go to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import msgspec

from domain.catalog import PathNotAllowed
from domain.routing_catalog import RoutingCatalog
from domain.routing_decision import Decision, RoutingRecord, WhyNot
from domain.routing_facts import Answers
from domain.routing_plan import NO_PRIMARY, NOT_LINKED
from domain.vendors import Format
from proxy.admission import Credential
from proxy.fitting import fitted
from proxy.further_models import FURTHER_MODELS
from proxy.incoming import Asked, Incoming, read_json
from proxy.refusals import NoUsableKey
from proxy.request_facts import read_facts
from proxy.router import Question, Router

AUTO = "auto"
COUNT = "messages/count_tokens"

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "chat/completions": "openai-chat",
        "responses": "openai-responses",
        "embeddings": "openai-embeddings",
        "messages": "anthropic-messages",
        COUNT: "anthropic-messages",
    }
)


# What the bot's policy wants to know of the user's words.
Answering = Callable[[Question], Awaitable[Answers]]


class NoPrimaryModel(NoUsableKey):
    """The bot has no routing and no primary model: set `primary_model` in a link."""


class ModelNotLinked(NoUsableKey):
    """No link or policy of the bot names this model; GET models says what is named."""


class FormatNotSpoken(PathNotAllowed):
    """No vendor that the bot's routing leads to has an API in this format."""


@dataclass(kw_only=True, slots=True)  # not frozen, as all that is made for each call
class Asking:
    """An `auto` call whose body was read."""

    incoming: Incoming
    spoken: Format
    body: bytes
    asked: Asked
    question: Question


def format_of(incoming: Incoming) -> Format | None:
    """The format that is spoken here; None: none that we know."""
    return FORMATS.get(_tail(incoming)) if incoming.vendor == AUTO else None


def asks_for_models(incoming: Incoming) -> bool:
    """Whether the list of the bot's models is wanted."""
    if incoming.vendor != AUTO or incoming.method != "GET":
        return False
    return _tail(incoming) == "models"


def models_of(credential: Credential, router: Router) -> bytes:
    """What the bot may ask for here, in the shape of OpenAI's list."""
    names = () if credential.bot is None else router.names_for(credential.bot)
    data = [
        {"id": name, "object": "model", "created": 0, "owned_by": "clawbot"}
        for name in names
    ]
    return msgspec.json.encode({"object": "list", "data": data})


def asking(credential: Credential, incoming: Incoming, body: bytes, dice: int) -> Asking:
    """The call as routing sees it; `PathNotAllowed`, `NoPrimaryModel` or `NotReadable`."""
    spoken = format_of(incoming)
    if incoming.method != "POST" or spoken is None:
        raise PathNotAllowed
    if credential.bot is None:
        raise NoPrimaryModel
    asked = replace(read_json(body), others=())  # which is strict
    facts, words = read_facts(spoken, body)
    question = Question(
        bot=credential.bot,
        facts=facts,
        words=words,
        dice=dice,
        token_id=credential.token_id,
        only_counts=_tail(incoming) == COUNT,
    )
    return Asking(
        incoming=incoming, spoken=spoken, body=body, asked=asked, question=question
    )


async def decided(
    router: Router, question: Question, answer: Answering
) -> tuple[Decision, RoutingRecord]:
    """The decision; a table that knows no candidate is brought up to date once."""
    answers = await answer(question)
    decision, record = router.decided(question, answers)
    if not decision.candidates and not decision.all_cooling:
        await router.catch_up()
        renewed = router.renewed(question)
        if renewed.bot.routing != question.bot.routing:
            answers = await answer(renewed)
        decision, record = router.decided(renewed, answers)
    return decision, record


def why_not(decision: Decision) -> Exception:
    """What a call without a candidate is refused with, unless keys only have to cool."""
    if NO_PRIMARY in decision.notes:
        return NoPrimaryModel()
    if NOT_LINKED in decision.notes:
        return ModelNotLinked()
    reasons = {skipped.why for skipped in decision.skipped}
    if reasons and reasons <= {WhyNot.OTHER_FORMAT, WhyNot.OTHER_PROTOCOL}:
        return FormatNotSpoken()
    return NoUsableKey()


def directed(
    asking: Asking, vendor: str, model: str, catalog: RoutingCatalog
) -> tuple[Incoming, bytes]:
    """The call as it would have come to that vendor, for that model."""
    rewrites = catalog.rewrites_for(vendor, model, asking.spoken)
    body, changes = fitted(asking.body, model, rewrites, drop=FURTHER_MODELS)
    changed = (*asking.incoming.changed, *changes)
    return replace(asking.incoming, vendor=vendor, changed=changed), body


def _tail(incoming: Incoming) -> str:
    return incoming.tail.removeprefix("v1/")
