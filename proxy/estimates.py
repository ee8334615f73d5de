"""Estimates of tokens where nobody counted them; a settlement by them says `estimated`."""

BYTES_PER_TOKEN = 4  # the rule of thumb


def estimated_tokens(size: int) -> int:
    """About how many tokens so many bytes of text or JSON are."""
    return -(-size // BYTES_PER_TOKEN)
