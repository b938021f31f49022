"""Find, edit and draw the tree of topics that the records are sorted into."""
