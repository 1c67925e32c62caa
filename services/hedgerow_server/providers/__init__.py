"""How to talk to the providers: one file a dialect, sans-IO; only `http` touches a socket."""
