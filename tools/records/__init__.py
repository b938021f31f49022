"""Records in: reading, recognising, validating and de-duplicating chat records."""
