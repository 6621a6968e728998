"""The published policy: its text, versions, differences and registers, for anybody."""
