"""Removes visits whose period is over and that no hold keeps."""
