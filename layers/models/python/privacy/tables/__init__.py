"""Thin typed access to one DynamoDB table each; epoch seconds exist only here."""
