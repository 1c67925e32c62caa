"""Prices of models, what a usage costs, and what a call may cost before it is sent."""
