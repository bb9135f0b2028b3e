"""What ``import rnnbench`` offers to notebooks and other code."""
