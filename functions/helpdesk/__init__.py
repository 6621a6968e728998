"""HelpDesk: what staff may see and do, by their role, each thing on record."""
