"""Database move: brings a database to another Cloud Region, checks it, switches, destroys the old copy (queue)."""
