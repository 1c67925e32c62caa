"""Simulated LLM providers: a real HTTP server with latency laws, fault scripts and a book of its own.

Read it in this order: ``handler`` (a request comes in) → ``dialects`` (what it asks, and how an answer looks on the
wire) → ``author`` and ``vectors`` (what is answered) → ``behaviours`` (how it goes well or wrong, as a script of steps)
→ ``perform`` (the steps on a socket) → ``book`` (what happened).
"""
