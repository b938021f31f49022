"""Train at a service that has OpenAI's files and fine_tuning.jobs API, submitted exactly once."""
