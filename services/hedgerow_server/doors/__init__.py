"""How a call comes in and an error goes out: transport only."""
