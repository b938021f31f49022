"""Every face of Lucy; translation only."""
