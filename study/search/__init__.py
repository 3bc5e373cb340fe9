"""Which recipe is tried next and which trial goes on: pure functions of a search's history, without Ray and torch."""
