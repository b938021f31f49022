"""Make synthetic records from real ones, with a plan, filters and a lineage for each."""
