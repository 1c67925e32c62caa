"""Which provider answers a call, and the one executor that asks it."""
