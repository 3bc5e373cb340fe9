"""What a trial actor does with a task."""
