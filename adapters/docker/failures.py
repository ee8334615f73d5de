"""What the SDK raises, in our words.

Whatever keeps an engine from answering is `EngineUnavailable`; a thing that is gone is
`NotFound`; what the engine refuses to make or run is `CannotRun` with a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from docker.errors import APIError, DockerException
from docker.errors import ImageNotFound as NoImage
from docker.errors import NotFound as Gone
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from application.engines import CannotRun, EngineUnavailable, NoEngineHere
from domain.errors import NotFound

LONGEST_DETAIL = 300
# The engine's own words, Docker 20.10 to 28.
_CODES = (
    ("port-in-use", re.compile(r"port is already allocated|address already in use")),
    ("no-space", re.compile(r"no space left on device|disk quota exceeded")),
    ("image-missing", re.compile(r"No such image|manifest unknown")),
    (
        "name-taken",
        re.compile(
            r"in use by container|name conflicts with|already exists|have same bridge name"
        ),
    ),
)
_NOBODY = (FileNotFoundError, ConnectionRefusedError, PermissionError)
_PATH = re.compile(r"/[^\s:\"',]+")


@contextmanager
def asked() -> Iterator[None]:
    """`NoEngineHere`, `EngineUnavailable`, `NotFound`."""
    try:
        yield
    except Gone as error:
        raise NotFound from error
    except (DockerException, RequestException, HTTPError, OSError) as error:
        refused = NoEngineHere if _nobody_listens(error) else EngineUnavailable
        raise refused(_said(error)) from error


@contextmanager
def asked_to_run() -> Iterator[None]:
    """The same, and `CannotRun` for what the engine answered and will not do."""
    with asked():
        try:
            yield
        except NoImage as error:
            raise CannotRun("image-missing", _said(error)) from error
        except Gone:
            raise
        except APIError as error:
            raise refusal(str(error.explanation or error)) from error


def refusal(words: str) -> CannotRun:
    """The engine's words as a reason, without paths."""
    for code, said in _CODES:
        if said.search(words):
            return CannotRun(code, without_paths(words))
    return CannotRun("engine-refused", without_paths(words))


def without_paths(words: str) -> str:
    """At most a few lines, and nothing of how the machine is laid out."""
    return _PATH.sub("…", words)[:LONGEST_DETAIL]


def _nobody_listens(error: BaseException) -> bool:
    """Whether the connection was refused at once; the libraries wrap it in several ways."""
    inside = [error.__cause__, error.__context__, *error.args]
    return isinstance(error, _NOBODY) or any(
        _nobody_listens(one) for one in inside if isinstance(one, BaseException)
    )


def _said(error: Exception) -> str:
    explanation = error.explanation if isinstance(error, APIError) else None
    return without_paths(str(explanation or type(error).__name__))
