"""What runs left behind, as data: records, typed rows, profiles and curves, and where they come from."""
