"""The command line: its arguments, which studies are meant, and what the console says."""
