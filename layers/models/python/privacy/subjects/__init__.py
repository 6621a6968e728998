"""Data subjects: what is held about a person, in every store, through one registry (promises rights.access,
rights.rectify, rights.erase).
"""
