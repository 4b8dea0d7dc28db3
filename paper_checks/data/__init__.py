"""Loading real data from a folder that the user points to."""
