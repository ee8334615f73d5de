"""Our errors.

* Refused                  the domain said no; the caller can do something about it
  + Unauthenticated        nobody we know
  + Forbidden              somebody we know, who may not
  + NotFound               nothing is recorded under that id, or it is another team's
  + Invalid                the request asks for something that cannot be
    - InvalidFields        which fields, each with its code
  + Conflict               the state does not allow it
    - AlreadyExists        that id is taken
    - HostnameIsTaken ...  each beside the aggregate that raises it
  + PreconditionFailed     the resource moved on since the caller read it
  + LimitReached           a quota or a rate is used up
* Unavailable              something outside did not answer; trying again may help
* ConcurrentChange         another writer was first; the bus tries again
* BadSetup                 a process cannot start with what it was given; says what to do

A refusal is named as the true sentence that explains it, carries what a program needs
as attributes, and knows nothing of HTTP: `api/errors.py` chooses the status.
"""


class Refused(Exception):
    """The domain said no."""

    code: str = "refused"


class Unauthenticated(Refused):
    """The credential is missing, wrong, expired or revoked."""

    code = "unauthenticated"


class Forbidden(Refused):
    """The caller's role does not allow this."""

    code = "forbidden"


class NotFound(Refused):
    """Nothing is recorded under that id."""

    code = "not-found"


class Invalid(Refused):
    """The request asks for something that cannot be."""

    code = "invalid"


class InvalidFields(Invalid):
    """Some fields hold a value that cannot be."""

    def __init__(self, **codes: str) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code in codes.items()))
        self.codes = codes


class Conflict(Refused):
    """The state does not allow it."""

    code = "conflict"


class AlreadyExists(Conflict):
    """That id is taken."""


class PreconditionFailed(Refused):
    """The resource has changed since it was read."""

    code = "precondition-failed"


class LimitReached(Refused):
    """A quota or a rate is used up."""

    code = "rate-limited"

    def __init__(self, detail: str = "", *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(Exception):
    """Something outside did not answer; trying again may help."""

    code = "unavailable"


class ConcurrentChange(Exception):
    """Another writer was first."""


class BadSetup(Exception):
    """The process cannot start with what it was given."""
