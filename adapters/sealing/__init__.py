"""The sealed log at work; its rules are in `domain/sealing`.

sealer.py     gives events their place in the tree, in the projector process
key_file.py   Ed25519, and the key that checkpoints are signed with
signer.py     the `signer` process: signs what follows what it signed before
kept.py       the last checkpoint that a signer or witness put its name to, on disk
witness.py    adds a cosignature to what follows what it saw before
bundle.py     all of it, or a team's part, in files that can be verified offline
archive.py    where a bundle is written: a folder or a tar file
"""
