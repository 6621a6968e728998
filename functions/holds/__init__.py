"""Holds: what staff keep past its date, for a ground, with a scope and an end."""
