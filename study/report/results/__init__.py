"""What the tuned networks are worth on val and test."""
