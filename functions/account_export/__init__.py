"""Account export: puts everything that is held about a person into an archive (queue)."""
