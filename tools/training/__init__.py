"""Split the data, train the offline policy by GRPO, and compare before with after."""
