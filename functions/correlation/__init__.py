"""Correlation: the one function that may bring visits together with a person, for two people and a reason."""
