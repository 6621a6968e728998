"""Signing customers in and out."""
