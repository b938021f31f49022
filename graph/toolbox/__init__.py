"""Offer the steps as LangChain tools, for any agent; the gates of the workflow hold inside them."""
