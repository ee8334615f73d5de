"""What persona templates look like, coming in and going out."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from api.catalog_pages import CatalogQuery, Entry
from api.locales import Languages
from api.plugin_shapes import Emoji
from api.routing_entry_shapes import Text
from api.shapes import Body, Name
from domain.equipment_catalog import EquipmentCatalog, PersonaTemplate
from domain.errors import InvalidFields
from domain.persona_templates import KeptTemplate, OwnTemplate

PREVIEW = 200  # characters
Soul = Annotated[str, StringConstraints(max_length=20_000)]
CategoryId = Annotated[str, StringConstraints(max_length=60)]


class TemplateBody(Body):
    name: Name
    emoji: Emoji = ""
    category: CategoryId = "general"
    tagline: Text = ""
    soul: Soul = ""

    def template(self, catalog: EquipmentCatalog) -> OwnTemplate:
        """As the domain has it; refused in a category that there is not."""
        if self.category not in catalog.persona_categories:
            raise InvalidFields(category="unknown-category")
        return OwnTemplate(
            name=self.name,
            emoji=self.emoji,
            category=self.category,
            tagline=self.tagline,
            soul=self.soul,
        )


class CopyOfTemplate(Body):
    """Without a name, that of the template."""

    name: Name | None = None


class TemplatesQuery(CatalogQuery):
    category: CategoryId | None = None


class TemplateOut(Entry):
    """Who a bot may be. Built-in ones come with the product and stay as they are."""

    name: str
    emoji: str
    category: str
    category_name: str
    tagline: str
    soul: str
    soul_preview: str
    names: dict[str, str]
    copied_from: str | None


def shipped_shown(
    one: PersonaTemplate, catalog: EquipmentCatalog, languages: Languages
) -> TemplateOut:
    """A built-in one, in the language that is asked for."""
    soul, tagline = languages.of(one.souls), languages.of(one.taglines)
    return TemplateOut(
        id=one.id,
        source="built-in",
        read_only=True,
        version=catalog.version,
        name=languages.of(one.names),
        emoji=one.emoji,
        category=one.category,
        category_name=languages.of(catalog.persona_categories[one.category]),
        tagline=tagline,
        soul=soul,
        soul_preview=tagline or soul[:PREVIEW],
        names=dict(one.names),
        copied_from=None,
    )


def own_shown(
    kept: KeptTemplate, catalog: EquipmentCatalog, languages: Languages
) -> TemplateOut:
    """One of the team's own."""
    one = kept.template
    category = catalog.persona_categories.get(one.category, {"en": one.category})
    return TemplateOut(
        id=str(kept.id),
        source="team",
        read_only=False,
        version=str(kept.version),
        name=one.name,
        emoji=one.emoji,
        category=one.category,
        category_name=languages.of(category),
        tagline=one.tagline,
        soul=one.soul,
        soul_preview=one.tagline or one.soul[:PREVIEW],
        names={},
        copied_from=one.copied_from or None,
    )
