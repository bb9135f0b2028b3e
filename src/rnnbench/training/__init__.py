"""Training: the learner, its batches, the probe and what goes on after an interruption."""
