"""Erasure: removes what is held about a person, waits for their databases, looks again, certifies (queue)."""
