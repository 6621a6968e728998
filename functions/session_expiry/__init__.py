"""Removes what has expired and TTL has not: sessions, attempts at signing in, sign-ups, enquiries, billing records,
campaigns, idempotency keys.
"""
