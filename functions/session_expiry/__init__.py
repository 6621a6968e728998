"""Removes what has expired and TTL has not: sessions, sign-ups, enquiries, billing records, idempotency keys."""
