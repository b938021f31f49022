"""Train language models on this machine with TRL (extra [local]), and answer with what came of it."""
