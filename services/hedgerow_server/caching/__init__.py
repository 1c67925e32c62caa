"""Answers that were given before, kept for those who may have them."""
