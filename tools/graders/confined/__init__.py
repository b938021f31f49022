"""Run script graders in processes that can do nothing but compute."""
