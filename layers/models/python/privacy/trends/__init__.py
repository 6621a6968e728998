"""Making trend reports: counting people, and saying of them only what singles nobody out (docs/trends.md)."""
