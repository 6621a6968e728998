"""Removes what has expired and TTL has not: sessions, attempts at signing in, sign-ups, enquiries, billing records,
idempotency keys, holds. Keeps TTL from what a hold on an account covers.
"""
