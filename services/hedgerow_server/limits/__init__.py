"""Quotas and budgets: what callers may use, and what is left of it."""
