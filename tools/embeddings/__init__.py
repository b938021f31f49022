"""Place words and texts by meaning, with word vectors that come with Lucy; nothing is fetched."""
