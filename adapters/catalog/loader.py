"""Reads the catalog. A file that is wrong stops the process with its name and the field."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from adapters.catalog.schema import (
    EndpointSetsFile,
    EndpointSpec,
    Use,
    VendorFile,
    pattern,
    segments_of,
)
from domain.catalog import Catalog
from domain.errors import BadSetup
from domain.paths import ClosedPaths
from domain.vendors import Endpoint, HeaderNames, Vendor

SpecT = TypeVar("SpecT", bound=BaseModel)
# The one in C is many times faster; a PyYAML built without libyaml lacks it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def load_catalog() -> Catalog:
    """The catalog that we ship, read once a process."""
    return read_catalog(files("adapters.catalog"))


def read_catalog(folder: Traversable) -> Catalog:
    """The catalog in the folder; `BadSetup` names the file and the field that is wrong."""
    shared = read_spec(folder / "endpoint_sets.yaml", EndpointSetsFile)
    named: dict[str, str] = {}
    vendors = []
    for file in sorted((folder / "vendors").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".yaml"):
            continue
        spec = read_spec(file, VendorFile)
        if file.name != f"{spec.id}.yaml":
            raise BadSetup(f"{file.name}: id: the file must be called {spec.id}.yaml")
        for name in (spec.id, *spec.aliases):
            if name in named:
                raise BadSetup(f"{file.name}: id, aliases: {name} is in {named[name]} too")
            named[name] = file.name
        vendors.append(_vendor(spec, shared, file.name))
    return Catalog(vendors)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """YAML's safe loader, but a key that is there twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:  # noqa: FBT001, FBT002
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"{twice} is there twice")
        return super().construct_mapping(node, deep)


def read_spec(file: Traversable, spec: type[SpecT]) -> SpecT:
    """What the file says; `BadSetup` names the field that is wrong."""
    try:
        content = yaml.load(file.read_bytes(), Loader=_Loader)  # noqa: S506 - a safe one
        return spec.model_validate(content)
    except yaml.YAMLError as error:
        raise BadSetup(f"{file.name}: not readable as YAML: {error}") from error
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in wrong["loc"])
        raise BadSetup(f"{file.name}: {field}: {wrong['msg']}") from error


def _vendor(spec: VendorFile, shared: EndpointSetsFile, file: str) -> Vendor:
    for place, use in enumerate(spec.uses):
        if use.set not in shared.sets:
            raise BadSetup(f"{file}: uses.{place}.set: there is no set {use.set}")
    sets = [shared.sets[use.set] for use in spec.uses]
    headers = [shared.pass_headers, *(s.pass_headers for s in sets), spec.pass_headers]
    layouts = (spec, *spec.other_layouts)
    closed = [shared.closed, *(s.closed for s in sets), spec.closed]
    return Vendor(
        id=spec.id,
        aliases=tuple(spec.aliases),
        category=spec.category,
        names=spec.names.model_dump(),
        base_url=spec.base_url,
        alt_base_urls=spec.alt_base_urls,
        auth=spec.auth.auth(),
        needs_key=spec.needs_key,
        fixed_headers=spec.fixed_headers,
        pass_headers=tuple(dict.fromkeys(name for names in headers for name in names)),
        back_headers=HeaderNames((*shared.back_headers, *spec.back_headers)),
        layouts=tuple(layout.layout() for layout in layouts),
        path_roots=tuple(spec.path_roots),
        native_base=segments_of(spec.native_base),
        models_path=spec.models_path,
        endpoints=tuple(_endpoints(spec.endpoints, spec.uses, shared)),
        closed=ClosedPaths(pattern(path) for paths in closed for path in paths),
        include_usage=spec.include_usage,
        drain=spec.drain,
        pricing=spec.pricing.pricing() if spec.pricing else None,
        verdicts=tuple(rule.rule() for rule in spec.verdicts),
        model_prefix=spec.model_prefix,
    )


def _endpoints(
    own: Iterable[EndpointSpec], uses: Iterable[Use], shared: EndpointSetsFile
) -> Iterable[Endpoint]:
    """The vendor's own endpoints first, so that they win over shared ones."""
    yield from (spec.endpoint() for spec in own)
    for use in uses:
        specs = shared.sets[use.set].endpoints
        yield from (spec.endpoint(use) for spec in specs)
