"""The shared layer: the rooms that every function stands on (see docs/decisions.md, "Rooms")."""
