"""Database deletion: destroys a database for good, and looks again until nothing is left (queue)."""
