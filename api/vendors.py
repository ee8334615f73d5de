"""`/api/vendor`: the vendors that keys can be for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.callers import TheUser
from api.paging import TheCursors
from api.refusals import VendorIsUnknown
from api.shapes import ListQuery, Page
from api.wired import TheSystem
from domain.catalog import Catalog, Category, UnknownVendor, Vendor

router = APIRouter(prefix="/api/vendor", tags=["catalogs"])


class VendorOut(BaseModel):
    """`base_url` null: every key brings its own."""

    id: str
    aliases: list[str]
    category: Category
    names: dict[str, str]
    base_url: str | None
    alt_base_urls: dict[str, str]
    needs_key: bool
    formats: list[str]


@router.get("")
def all_vendors(
    query: Annotated[ListQuery, Query()],
    _: TheUser,
    system: TheSystem,
    cursors: TheCursors,
) -> Page[VendorOut]:
    """Every vendor of the catalog."""
    shown = [_shown(vendor) for vendor in system.catalog.all()]
    return cursors.whole(shown, query, lambda one: one.id)


@router.get("/{vendor_id}")
def one_vendor(vendor_id: str, _: TheUser, system: TheSystem) -> VendorOut:
    """One vendor, by id or alias."""
    return _shown(system.catalog.get(vendor_id))


def vendor_of(catalog: Catalog, name: str) -> Vendor:
    """The vendor that a body names by id or alias; a wrong field if there is none."""
    try:
        return catalog.get(name)
    except UnknownVendor as error:
        raise VendorIsUnknown(vendor="unknown-vendor") from error


def _shown(vendor: Vendor) -> VendorOut:
    formats = {endpoint.format for endpoint in vendor.endpoints if endpoint.format}
    return VendorOut(
        id=vendor.id,
        aliases=list(vendor.aliases),
        category=vendor.category,
        names=dict(vendor.names),
        base_url=vendor.base_url,
        alt_base_urls=dict(vendor.alt_base_urls),
        needs_key=vendor.needs_key,
        formats=sorted(formats),
    )
