"""Lucy: from chat records and a training goal to a reinforcement-fine-tuned, deployed model."""
