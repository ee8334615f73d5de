"""`clawbot demo`: the main job from end to end, against the simulated vendor.

    instance.py    an instance of its own, in a folder that is thrown away
    person.py      somebody who signs up, stores keys, makes a bot, looks at usage
    bot.py         the bot's three calls, as vendors' clients make them
    walk.py        the story in order, and whether our tokens equal the vendor's ledger
    transcript.py  how the story is told

Everything goes through the public HTTP API; nothing here knows the database.
"""
