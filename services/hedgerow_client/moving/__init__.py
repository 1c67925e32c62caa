"""Configurations of other gateways, translated to Hedgerow's: what maps, and a word on everything that does not.

Nothing here knows the router: a draft is a plain mapping that `hedgerow check` judges. What each key of the other
gateways becomes stands in one table each (`litellm/keys.py`, `portkey/keys.py`), of which the reports and the tables of
docs/moving are made.
"""
