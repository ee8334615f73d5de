"""E-mail addresses: one spelling for each, so that nobody registers twice."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from domain.errors import InvalidFields


def normalised(address: str) -> str:
    """The address as it is kept and compared: lower case, NFC; no DNS is asked."""
    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidFields(email="not-an-address") from error
    return checked.normalized.lower()
