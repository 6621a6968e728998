"""Recording the summary of a visit: one write, and no queue that would carry personal data."""
