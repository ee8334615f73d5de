"""`clawbot doctor`: looks at everything that this installation stands on.

* `findings.py`: what a check says
* `folders.py`: the data folder, the disk, the master key
* `database.py`: PostgreSQL, its settings, whether it is migrated, whether the key fits
* `reaching.py`: queue, Redis, proxy, control plane, worker
* `engine.py`: the container engine and what it does for hardening

A check never changes anything, and never raises: what goes wrong is a finding.
"""
