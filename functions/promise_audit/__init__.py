"""The promise audit: looks at the stores as they lie there, and says of every promise whether it is kept (schedule)."""
