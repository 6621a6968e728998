"""Database backup: a sealed archive of a database in every Cloud Region, read back and found whole (queue)."""
