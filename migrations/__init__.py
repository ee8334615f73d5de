"""The database's schema as numbered SQL files; `adapters/postgres/migrator` applies them.

A file `NNNN_what.sql` is never edited once it has been applied anywhere: its hash is
stored. Change the schema by adding the next number.
"""
