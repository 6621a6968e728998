"""Policy publishing: archives each version that is deployed, and has customers told of material changes (schedule)."""
