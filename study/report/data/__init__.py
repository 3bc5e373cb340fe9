"""Which images there were, how they were split, and what could leak."""
