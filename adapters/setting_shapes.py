"""What the text of a setting must look like, before anybody uses it.

Each check answers what it was given, and raises `ValueError` with what to write instead:
what was given is not repeated, as it may hold a password.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.destinations import UrlIsNotAllowed, parse_base_url

DATABASE = "write postgresql://user:password@host:5432/name"
HIGHEST_PORT = 65535


def database_address(url: str) -> str:
    """What libpq can read: a URL, or words such as host=…; its ports are numbers."""
    try:
        ports = str(conninfo_to_dict(url).get("port") or "5432").split(",")
    except psycopg.ProgrammingError:
        raise ValueError(DATABASE) from None
    if not all(port.isdecimal() and 0 < int(port) <= HIGHEST_PORT for port in ports):
        raise ValueError(DATABASE)
    return url


def base_url(url: str) -> str:
    """An http or https URL with a host that a path can be put behind."""
    msg = "write http://host:port or https://host, without user, query or fragment"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(msg) from None
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or port == 0)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise ValueError(msg)
    if any(sign.isspace() for sign in url):
        raise ValueError(msg)
    return url


def origin(url: str) -> str:
    """An http or https URL without a path, whose host is an address or a plain name."""
    try:
        parsed = parse_base_url(url.rstrip("/"))
    except UrlIsNotAllowed as wrong:
        raise ValueError(str(wrong).removesuffix(".")) from None
    if parsed.path:
        msg = "write http://host:port, without a path"
        raise ValueError(msg)
    return url


def place(path: Path) -> Path:
    """A path whose `~` is somebody's home: a shell spells that out, a `.env` file not."""
    try:
        return path.expanduser()
    except RuntimeError:
        msg = "nobody's home is known by that name: write the whole path"
        raise ValueError(msg) from None


def addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    """IP addresses."""
    for text in texts:
        try:
            ip_address(text)
        except ValueError:
            msg = "write IP addresses, with commas between them"
            raise ValueError(msg) from None
    return texts
