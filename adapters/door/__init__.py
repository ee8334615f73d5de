"""The door: a small HTTP application in the worker, which api and proxy ask.

The worker alone has a container engine, and alone opens the secrets of channels and
plugins. Every request carries a pass (`domain/door_passes.py`).
"""
