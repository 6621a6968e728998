"""The promises: shows anybody which are kept, since when, and how that is known (HTTP)."""
