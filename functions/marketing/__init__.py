"""The choice about marketing: by its person's session, or by the way out in each message."""
