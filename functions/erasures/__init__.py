"""The HelpDesk's desk for erasures: what waits, what one would do, and the decision."""
