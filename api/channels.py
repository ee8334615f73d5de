"""`/api/channel`: where people can talk to bots. These come with the product."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.callers import TheUser
from api.locales import Languages, Locale, TheLanguages
from api.paging import TheCursors
from api.plugin_shapes import FieldOut, field_shown
from api.shapes import ListQuery, Page
from api.shapes import Query as AQuery
from api.wired import TheSystem
from domain.equipment_catalog import ChannelType

router = APIRouter(prefix="/api/channel", tags=["catalogs"])


class ChannelsQuery(ListQuery):
    """`locale`: what is popular there comes first, and texts are in its language."""

    locale: Locale | None = None


class ChannelQuery(AQuery):
    """`locale`: the language of the texts."""

    locale: Locale | None = None


class ChannelTypeOut(BaseModel):
    """A kind of channel, and what it must be given. Of `one_of`, one of each is enough."""

    id: str
    icon: str
    name: str
    description: str
    credential_hint: str
    help_url: str | None
    names: dict[str, str]
    sort_order: int
    popular: bool
    popular_locales: list[str]
    connect: str
    can_be_tested: bool
    credential_fields: list[FieldOut]
    config_fields: list[FieldOut]
    one_of: list[list[str]]


@router.get("")
def all_channels(
    query: Annotated[ChannelsQuery, Query()],
    _: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    cursors: TheCursors,
) -> Page[ChannelTypeOut]:
    """Every kind of channel, the popular ones first."""
    listed = system.equipment_catalog.channels_for(query.locale)
    shown = [_shown(one, query.locale, languages) for one in listed]
    return cursors.whole(shown, query, lambda one: one.id)


@router.get("/{channel_type}")
def one_channel(
    channel_type: str,
    query: Annotated[ChannelQuery, Query()],
    _: TheUser,
    system: TheSystem,
    languages: TheLanguages,
) -> ChannelTypeOut:
    """One kind of channel."""
    found = system.equipment_catalog.channel_type_of(channel_type)
    return _shown(found, query.locale, languages)


def _shown(one: ChannelType, locale: str | None, languages: Languages) -> ChannelTypeOut:
    return ChannelTypeOut(
        id=one.id,
        icon=one.icon,
        name=languages.of(one.names),
        description=languages.of(one.descriptions),
        credential_hint=languages.of(one.hints),
        help_url=one.help_url,
        names=dict(one.names),
        sort_order=one.sort_order,
        popular=one.is_popular(locale),
        popular_locales=list(one.popular_locales),
        connect=one.connect,
        can_be_tested=one.probe is not None,
        credential_fields=[field_shown(f, languages) for f in one.credential_fields],
        config_fields=[field_shown(f, languages) for f in one.config_fields],
        one_of=[list(keys) for keys in one.one_of],
    )
