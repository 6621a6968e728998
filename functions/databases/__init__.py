"""The control panel: databases from their creation to their deletion, their exports and imports."""
