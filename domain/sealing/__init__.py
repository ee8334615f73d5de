"""The sealed log: how events are made into a tree that nobody can change unseen.

leaves.py       the header of an event, and the hash that stands for it in the tree
merkle.py       the tree's hashes, and the checking of proofs (RFC 6962, RFC 9162)
tiles.py        the tree as it is stored: growing it, and proofs out of it
checkpoints.py  a tree's size and root as text that is signed (C2SP tlog-checkpoint)
notes.py        text with signatures under it (C2SP signed-note, tlog-cosignature)
proofs.py       proofs as text that others can check (C2SP tlog-proof, tlog-witness)
"""
