"""Published results: typed rows, profiles and curves of many runs, and where they come from."""
