"""Writes the mails that the queue asks for, from what the stores hold at that moment."""
