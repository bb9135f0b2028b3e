"""The files of runs: records, their states, where they come from, and the files that processes share."""
