"""A database's content on its way out and in: as an archive for its owner, as a sealed backup for us."""
