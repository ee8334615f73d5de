"""The settings of a command, or one sentence about the first that cannot be."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_settings import SettingsError

from adapters.settings import Settings
from domain.errors import BadSetup


def read_settings() -> Settings:
    """What the environment and `.env` say; `BadSetup` names the setting that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        # What was given is not repeated: it may be a secret in the wrong place.
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        names = " and ".join(str(one["loc"][0]).upper() for one in wrong)
        why = wrong[0]["msg"]
        if wrong[0]["type"] == "value_error":  # ours, and told as we wrote it
            why = why.removeprefix("Value error, ")
        else:
            why = why.lower()
        msg = f"{names} cannot be used: {why}."
        raise BadSetup(msg) from None
    except SettingsError as error:
        msg = f"The settings cannot be read: {error}."
        raise BadSetup(msg) from None
