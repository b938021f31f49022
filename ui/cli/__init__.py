"""The commands of `lucy`, one file a noun; nothing heavy is imported before a command runs."""
