"""What a reader must know first."""
