"""The store: one SQL schema for everything that is kept outside the graph's state."""
