"""Removes visits whose period is over and that no hold keeps, and keeps TTL from those that one does."""
