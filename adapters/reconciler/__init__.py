"""What keeps the reconciler going in a worker: the loop, the locks, the roll of bots."""
