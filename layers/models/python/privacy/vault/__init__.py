"""Secrets and sealing: per-database data keys, link tokens, pseudonyms, passwords, sealed addresses."""
