"""Months of the calls log in files: taken out of the database, and brought back.

A month is a partition of `calls_events`, made ahead by the projector. Its leaves, tiles and
proofs stay where they are; its events go to a file of the same lines as an export's. Views
keep its rows: `call_log` is kept by the same months, and its parts stay.
"""
