"""Keeps secrets that are in use off the pages: a provider may repeat a key in its words."""

import html
from collections.abc import Collection, Mapping

from hedgerow_server.config.masked import MASK
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import HeldLease

_MIN_SECRET_CHARS = 8


def secrets_of(leases: Mapping[str, HeldLease]) -> frozenset[Secret]:
    """The secrets that are in use."""
    return frozenset(one for held in leases.values() for one in held.all_secrets())


def without(secrets: Collection[Secret], page: str) -> str:
    """A page of HTML without some secrets, wherever they may have come from. Those that any word may have in it stay:
    the router takes none that is so short for itself.
    """
    for secret in secrets:
        plain = secret.reveal()
        if len(plain) >= _MIN_SECRET_CHARS:
            for form in {plain, html.escape(plain)}:
                if form in page:
                    page = page.replace(form, MASK)
    return page
