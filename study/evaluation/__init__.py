"""What predictions are worth: metrics, intervals and verdicts, as pure functions over arrays."""
