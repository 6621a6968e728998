"""Tests of the archive room: exports written in streams, resumed, and read with suspicion."""
