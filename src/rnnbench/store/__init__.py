"""What runs leave behind: records, their states, where they come from, and the files that processes share."""
