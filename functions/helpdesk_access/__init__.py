"""Content as staff see it: read only, under a grant in force, each read on record first."""
