"""Many runs at once: each in its own process, watched from outside, and the states of all runs."""
