"""What things cost: time, measured so that ratios hold on a noisy machine."""
