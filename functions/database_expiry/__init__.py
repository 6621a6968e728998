"""Database expiry: finds databases, exports, uploads and recordings that are due, and work that stalled (schedule)."""
