"""`/api/v1/auto/*`: the bot's provider links choose vendor, key and model.

    chat/completions, responses, embeddings      in OpenAI's format
    v1/messages                                  in Anthropic's
    models                                       what the links name; nothing goes upstream

"auto", or no model, is the bot's primary model: that of the first link that has one, or
else the one model of the first link that names exactly one. A model that a link names is
that link's. The call then goes on as if it had come to that vendor, with that link alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from domain.bots import ProviderLink
from domain.catalog import PathNotAllowed, Vendor
from projections.route_table import BotRoute, RouteTable
from proxy.admission import Admission, Credential
from proxy.incoming import Incoming, Message, Receive, read_body, read_json
from proxy.refusals import NoUsableKey

AUTO = "auto"
MODEL = "model"  # in `CallAdmitted.changes`
ALL = "*"

_OPENAI_TAILS = frozenset({"chat/completions", "responses", "embeddings"})
_ANTHROPIC_TAILS = frozenset({"messages", "messages/count_tokens"})
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class NoPrimaryModel(NoUsableKey):
    """The bot has no primary model: set `primary_model` in one of its provider links."""


class ModelNotLinked(NoUsableKey):
    """No provider link of the bot names this model; GET models says which are named."""


class FormatNotSpoken(PathNotAllowed):
    """The vendor of the bot's primary model has no API in this format."""


def format_of(incoming: Incoming) -> str | None:
    """Anthropic's format, if it is spoken here; None: whatever the vendor says."""
    if incoming.vendor == AUTO and _tail(incoming) in _ANTHROPIC_TAILS:
        return "anthropic-messages"
    return None


def asks_for_models(incoming: Incoming) -> bool:
    """Whether the list of the bot's models is wanted."""
    if incoming.vendor != AUTO or incoming.method != "GET":
        return False
    return _tail(incoming) == "models"


def models_of(credential: Credential) -> bytes:
    """What the bot may ask for here, in the shape of OpenAI's list."""
    links = credential.bot.links if credential.bot else ()
    names = [AUTO] if _primary(links) else []
    names += [name for link in links for name in _named(link)]
    data = [
        {"id": name, "object": "model", "created": 0, "owned_by": "clawbot"}
        for name in dict.fromkeys(names)
    ]
    return msgspec.json.encode({"object": "list", "data": data})


async def chosen(
    admission: Admission, credential: Credential, incoming: Incoming, receive: Receive
) -> tuple[Credential, Incoming, Receive]:
    """The call as it would have come to the chosen vendor; `Refused` if none can be chosen.

    Its body was read: what is returned to receive gives it again, with the model in it.
    """
    tail = _tail(incoming)
    if incoming.method != "POST" or tail not in _OPENAI_TAILS | _ANTHROPIC_TAILS:
        raise PathNotAllowed
    body = await read_body(incoming.headers, receive)
    asked = read_json(body).model
    link, model, vendor = await _choice(admission, credential, asked)
    if tail in _ANTHROPIC_TAILS and all(one.anthropic is None for one in vendor.layouts):
        raise FormatNotSpoken
    if asked != model:
        body, incoming = with_model(body, model), replace(incoming, changed=(MODEL,))
    bot = credential.bot and replace(credential.bot, links=(link,))
    return (
        replace(credential, bot=bot),
        replace(incoming, vendor=vendor.id),
        _again(body),
    )


def with_model(body: bytes, model: str) -> bytes:
    """The JSON object with this model; every other value keeps its bytes."""
    fields = _fields.decode(body)
    fields[MODEL] = msgspec.Raw(msgspec.json.encode(model))
    return msgspec.json.encode(fields)


async def _choice(
    admission: Admission, credential: Credential, asked: str | None
) -> tuple[ProviderLink, str, Vendor]:
    if credential.bot is None:
        raise NoPrimaryModel
    routes, links = admission.routes, credential.bot.links
    wanted = _primary(links) if asked in {None, AUTO} else _linked(links, asked)
    if wanted is None:
        raise NoPrimaryModel if asked in {None, AUTO} else ModelNotLinked
    link, model = wanted
    name = _vendor_of(link, credential.bot, routes.table)
    if name is None:
        await routes.catch_up()
        name = _vendor_of(link, credential.bot, routes.table)
    vendor = None if name is None else admission.vendor_or_none(name)
    if vendor is None:
        raise NoUsableKey
    return link, model, vendor


def _primary(links: tuple[ProviderLink, ...]) -> tuple[ProviderLink, str] | None:
    for link in links:
        if link.primary_model is not None:
            return link, link.primary_model
    for link in links:
        if len(link.models) == 1 and link.models[0] != ALL:
            return link, link.models[0]
    return None


def _linked(
    links: tuple[ProviderLink, ...], model: str | None
) -> tuple[ProviderLink, str] | None:
    return next(
        ((link, name) for link in links for name in _named(link) if name == model), None
    )


def _named(link: ProviderLink) -> Iterator[str]:
    if link.primary_model is not None:
        yield link.primary_model
    yield from (name for name in link.models if name != ALL)


def _vendor_of(link: ProviderLink, bot: BotRoute, table: RouteTable) -> str | None:
    if link.provider_key_id is not None:
        key = table.keys.get(link.provider_key_id)
        return key.vendor if key is not None and key.team_id == bot.team_id else None
    if link.vendor is not None:
        return link.vendor
    tagged = (
        key.vendor
        for key in table.keys.values()
        if key.team_id == bot.team_id and link.tag in key.tags
    )
    return next(tagged, None)


def _tail(incoming: Incoming) -> str:
    return incoming.tail.removeprefix("v1/")


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
