"""How Lucy conducts each step."""
