"""From the configuration of a run to its parts. ``network`` does not load Lightning."""
