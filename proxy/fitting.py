"""A request's body as a target takes it: for its model, and without what it would refuse.

Every value keeps its bytes. What was changed is told, for the call's events:

    model                           the name of the model is another one
    renamed:<name>:<other name>     the field goes under its name there
    dropped:<name>                  the field was left out
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from domain.routing_catalog import Rewrite

MODEL = "model"

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOTHING = (b"", b"null")


def fitted(
    body: bytes, model: str, rewrites: Iterable[Rewrite] = (), drop: Iterable[str] = ()
) -> tuple[bytes, tuple[str, ...]]:
    """The JSON object for that model, and what was changed; `body` has been read before.

    `drop`: what is left out for every model.
    """
    fields = _fields.decode(body)
    named = msgspec.json.encode(model)
    changes: list[str] = []
    if bytes(fields.get(MODEL, b"")) != named:
        fields[MODEL] = msgspec.Raw(named)
        changes.append(MODEL)
    for rewrite in rewrites:
        changes += _rewritten(fields, rewrite)
    changes += [f"dropped:{name}" for name in drop if fields.pop(name, None) is not None]
    return (msgspec.json.encode(fields), tuple(changes)) if changes else (body, ())


def _rewritten(fields: dict[str, msgspec.Raw], rewrite: Rewrite) -> Iterable[str]:
    """The changes that were made; of a field under both names, the right one stays."""
    for name, other in rewrite.rename.items():
        value = fields.pop(name, None)
        if value is not None:
            yield f"renamed:{name}:{other}"
            if bytes(fields.get(other, b"")) in _NOTHING:
                fields[other] = value
    for name in rewrite.drop:
        if fields.pop(name, None) is not None:
            yield f"dropped:{name}"
