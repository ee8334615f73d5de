"""The command line `clawbot`, one module per group of commands.

    main.py        the entry: every command by name, and what errors become
    output.py      how commands speak: sentences, tables, one JSON document
    up.py          up
    processes.py   api, proxy, projector, worker, signer, migrate, simulate-provider
    audit.py       replay
    sealed.py      audit verify, export, prove, cosign, fork
    views.py       rebuild
    reprice.py     reprice
    demo.py        demo
    settings.py    the settings, or a sentence about the one that is wrong
    database.py    the database of an instance that exists

Exit codes: 0 fine, 1 the answer is no, 2 wrong use or a set-up that cannot work. What a
command needs is imported inside it, so that `clawbot --help` does not load a database
driver. Settings come from the environment and `.env` only.
"""
