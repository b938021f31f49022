"""Call language models: one door with retry, cache, ledger, structured output and a limit on concurrency."""
