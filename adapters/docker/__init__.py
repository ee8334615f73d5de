"""Bots in containers of a Docker Engine (`engine.py`) or of a Swarm (`swarm.py`)."""
