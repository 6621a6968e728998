"""Database export: everything of a database as one ZIP (promise databases.export)."""
