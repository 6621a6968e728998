"""Database restore: brings back what a backup holds and its database lacks, at an operator's word (invoked, queue)."""
