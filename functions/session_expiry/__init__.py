"""Removes what has expired and TTL has not: sessions, attempts at signing in, sign-ups, enquiries, billing records,
requests for a correlation, idempotency keys.
"""
