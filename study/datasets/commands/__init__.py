"""What `python -m study.datasets` does."""
