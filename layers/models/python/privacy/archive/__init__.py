"""The export as a file: a ZIP streamed to S3 and resumed at a member, and the careful reading of such a ZIP."""
