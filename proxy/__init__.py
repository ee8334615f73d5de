"""The data plane: raw ASGI, no framework and no query on the hot path."""
