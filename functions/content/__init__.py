"""Records and files of a customer database, and the uploads that bring large ones."""
