"""The composition root: which adapter plays each role, one module per process.

Nothing else constructs an adapter that a process runs on.

    control_plane.py   what the api's routes may ask for
    data_plane.py      the proxy
    watching.py        what counts and traces calls
    followers.py       the projector: every view, every policy, the reaper
    jobs.py            the worker and its queue
    repricing.py       `clawbot reprice`
    instance.py        the database of this instance: migrated, keyed, reachable
"""
