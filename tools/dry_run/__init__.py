"""Try dataset, base model and grader together before training: sample, measure, decide."""
