"""Trends: reads the published reports to the data protection officer; its role reads nothing else (HTTP, staff)."""
