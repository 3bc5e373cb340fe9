"""Carries a plan out: what is done next and what becomes of what is reported."""
