"""Removes what has expired and TTL has not, in the stores whose items end a period after an origin."""
