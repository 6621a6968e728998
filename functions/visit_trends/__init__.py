"""Trends about visits: counts the people of each closed month, and can reach nothing that names one (schedule)."""
