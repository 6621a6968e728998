"""Trends about accounts: counts those that each closed month brought, and can reach no visit (schedule)."""
