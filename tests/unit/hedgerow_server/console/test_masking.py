"""Secrets that are in use stay off the pages."""

from hedgerow_server.config.masked import MASK
from hedgerow_server.console.masking import without
from hedgerow_server.core.secret import Secret


def test_secrets_in_use_are_taken_out_of_a_page_wherever_they_come_from() -> None:
    """Also as HTML has them."""
    page = "<p>wrong key sk-123456789, wrong key a&lt;b&amp;c&gt;12</p>"
    assert without([Secret("sk-123456789"), Secret("a<b&c>12")], page) == (f"<p>wrong key {MASK}, wrong key {MASK}</p>")


def test_a_secret_that_any_word_may_have_in_it_is_left() -> None:
    """The router takes none that is so short for itself, and a page would be full of holes."""
    assert without([Secret("key"), Secret("p")], "<p>key</p>") == "<p>key</p>"
