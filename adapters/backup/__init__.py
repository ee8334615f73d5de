"""A backup of an instance in one file, and its way back.

archive.py      the file: a zip with a manifest that names the SHA-256 of every part
tables.py       which tables there are, and their rows out of and into a database
bot_memory.py   what bots keep: their workspaces and state
writing.py      `clawbot backup`
restoring.py    `clawbot restore`: into an empty database, verified before anything starts
"""
