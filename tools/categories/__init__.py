"""Sort records into topics: by words, again after a change, by a model; review and reassign."""
