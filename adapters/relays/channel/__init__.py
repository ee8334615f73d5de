"""The channel relay: a bot's software talks to its channel with a surrogate token."""
