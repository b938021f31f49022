"""The wiring of the steps and the owner of running graphs."""
