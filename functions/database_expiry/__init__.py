"""Database expiry: finds databases, exports and uploads that are due, and work that stalled (schedule)."""
