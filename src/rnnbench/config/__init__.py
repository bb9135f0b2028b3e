"""The configuration of one run: its keys, types and ranges, and which configurations are the same run."""
