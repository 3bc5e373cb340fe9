"""What was searched, what it cost, and how far its outcome can be trusted."""
