"""One file a dialect: how a provider's requests are read and its answers written.

``port`` says what a dialect is, ``registry`` lists them all. A file named like a dialect with `_request`, `_errors` and
so on behind it is a part of that dialect; ``job``, ``shape``, ``eventstream`` and ``sigv4`` serve several.
"""
