"""Account expiry: what people gave ends with its purpose, and erasures that stand still go on (schedule)."""
