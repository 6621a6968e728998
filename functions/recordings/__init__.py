"""Recordings of Free Trial sessions: brought, seen and ended by their owner; processed or found irrelevant by staff."""
