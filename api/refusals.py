"""What only a front door refuses; `api/errors.py` chooses the status."""

from __future__ import annotations

from domain.errors import Conflict, Forbidden, InvalidFields, Refused, Unavailable


class Malformed(Refused):
    """The request's body or headers cannot be read."""

    code = "invalid"


class TooSlow(Refused):
    """The request's body took too long to arrive."""

    code = "invalid"


class BodyTooLarge(Refused):
    """The request's body is longer than 1 MiB."""

    code = "body-too-large"


class MediaNotSupported(Refused):
    """A body is JSON: application/json in UTF-8, without a content coding."""

    code = "invalid"


class VendorIsUnknown(InvalidFields):
    """The catalog has no vendor of that name."""

    code = "unknown-vendor"


class VendorGivesNoList(Conflict):
    """The vendor does not list models for this key now; a check tells why."""

    code = "upstream-refused-credential"


class BuiltInIsReadOnly(Forbidden):
    """What comes with the product is not changed; add one of the team's own instead."""

    code = "built-in-is-read-only"


class SignInAgain(Forbidden):
    """Without a password this asks for a session that has just begun: sign in again."""

    code = "sign-in-again"


class RuntimeIsNotAvailable(InvalidFields):
    """No container engine serves this instance: bots run elsewhere (external)."""

    code = "runtime-not-available"


class ImageIsNotAllowed(InvalidFields):
    """The operator's BOT_IMAGES_ALLOWED does not name that image."""

    code = "image-not-allowed"


class NotReadYet(Unavailable):
    """The read model has not reached that position within five seconds."""
