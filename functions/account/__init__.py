"""A person and their own data: seeing it, correcting it, taking it out, asking for its erasure."""
