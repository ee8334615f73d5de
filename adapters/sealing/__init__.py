"""The sealed log at work; its rules are in `domain/sealing`.

sealer.py        gives events their place in the tree
beside.py        the sealer's process, which the projector owns
key_file.py      the key that checkpoints are signed with
signer.py        the `signer` process: signs what follows what it signed before
kept.py          the last checkpoint that was signed, on disk
witness.py       adds a cosignature to what follows what it saw before
bundle.py        all of it as lines that can be verified offline
team_bundle.py   a team's part, with a proof for each event
cloud_events.py  what a line of them says
archive.py       where a bundle is written: a folder or a tar file
"""
