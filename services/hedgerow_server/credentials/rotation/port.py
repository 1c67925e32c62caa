"""What a rotation asks of others."""

import enum
from collections.abc import Awaitable, Callable

import msgspec

from hedgerow_server.core.secret import Secret

ROTATE = "credential.rotate"
"""The next version is to be written."""
RETIRE = "credential.retire"
"""The version before is not used any more, and may end."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiver of a webhook is told."""

    type: str
    """`credential.rotate` or `credential.retire`."""
    id: str
    """The same whenever this is told again, and by each router that holds this very version."""
    credential: str
    """The configured name."""
    source: str
    """Where its secret comes from, as the configuration says it."""
    rotation: str
    """Ties what is told of one rotation together."""
    age_s: float
    """How old the key is that is to be replaced."""
    max_age_s: float
    """How old it may become."""


class Verdict(enum.Enum):
    """What a provider says of a key."""

    GOOD = "good"
    REFUSED = "refused"
    UNSURE = "unsure"
    """Nothing can be told of the key: the provider is away, overloaded, or not as expected."""


class Probed(msgspec.Struct, frozen=True):
    """What came of a probe."""

    verdict: Verdict
    reason: str = ""
    """Why it is not good, without any part of a secret."""


class NotObtained(Exception):
    """No key can be had now; the text says why, without any part of a secret."""


Probe = Callable[[Secret], Awaitable[Probed]]
"""Asks the provider what it says of a key."""
Send = Callable[[Notice], Awaitable[None]]
"""Tells the receiver of webhooks. Raises NotObtained."""
