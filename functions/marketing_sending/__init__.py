"""Sends marketing messages: the one way they leave by, and only to those who agree at that moment."""
