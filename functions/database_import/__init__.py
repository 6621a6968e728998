"""Database import: an export into an empty database, uploaded files to their places (promise databases.export)."""
