"""Audit sealing: chains what was written into the audit trail, so that no change or removal goes unseen (schedule)."""
