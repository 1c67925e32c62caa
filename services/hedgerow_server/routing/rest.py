"""How long somebody upstream is left alone because he said so: rate limits, overload, refused credentials.

Resting is not failing: it ends by itself at a time that is known, and it says nothing of the health of what rests.
"""

import math
import random

import msgspec

_JITTER = 0.5
_DOUBLINGS = 30


class RestPolicy(msgspec.Struct, frozen=True):
    """How long rests are. Times in seconds, above 0."""

    cool_down_s: float = 5.0
    """After a rate limit that names no time of use: drawn between half of this and one and a half times this, so that
    gateways that were refused together do not come back together."""
    cool_down_max_s: float = 300.0
    """The longest cool-down, whatever the provider says."""
    set_aside_s: float = 10.0
    """After the first failure of a credential; doubles with each that follows."""
    set_aside_max_s: float = 300.0
    """The longest that a failure of a credential counts."""


class Rest:
    """The rest of a candidate, of a credential or of a whole provider.

    It has two parts that run side by side. A cool-down follows a rate limit or an overload and never gets shorter: a
    later refusal with a shorter time does not end the longer rest of an earlier one. Setting aside follows a failure of
    the credential or the account, grows with each time in a row, and is over with a success or a new credential.

    Times are those of a monotonic clock in seconds.
    """

    __slots__ = (
        "_policy",
        "_random",
        "_reported_s",
        "_times",
        "cooling_until_s",
        "reason",
        "set_aside_until_s",
        "until_s",
    )

    def __init__(self, random: random.Random, policy: RestPolicy | None = None) -> None:
        """`random` draws the jitter."""
        self._policy = policy or RestPolicy()
        self._random = random
        self._times = 0
        self._reported_s = 0.0
        self.cooling_until_s = 0.0
        """When the cool-down ends; 0: there was none."""
        self.set_aside_until_s = 0.0
        """When it is asked again after a failure of the credential; 0: it is not set aside."""
        self.until_s = 0.0
        """When both are over."""
        self.reason = ""
        """Why it was set aside, as ErrorReason; stays until a success or a new credential."""

    def adopt(self, policy: RestPolicy) -> None:
        """Other rules, for rests that begin from now on."""
        self._policy = policy

    def resting(self, now_s: float) -> bool:
        """Whether nobody should be sent here now."""
        return now_s < self.until_s

    def cool_down(self, now_s: float, seconds: float | None = None) -> None:
        """Rests for as long as the provider asks, at most `cool_down_max_s`, until the later of the old and the new
        end. A time of None, of zero or less, or that is no number is of no use: the jittered `cool_down_s` stands for
        it.
        """
        limit_s = self._policy.cool_down_max_s
        if seconds is None or not seconds > 0:
            seconds = self._policy.cool_down_s * self._random.uniform(1 - _JITTER, 1 + _JITTER)
        self.cooling_until_s = max(self.cooling_until_s, now_s + min(seconds, limit_s))
        self.until_s = max(self.cooling_until_s, self.set_aside_until_s)

    def set_aside(self, now_s: float, reason: str, for_s: float | None = None) -> None:
        """Rests after a failure of the credential, the account or the model's name; `reason` is its ErrorReason.

        The first time for `set_aside_s`, each time after that twice as long, and at least `for_s`, but never longer
        than `set_aside_max_s`. Failures that come while it is set aside are of calls that were already under way: they
        do not make it grow.
        """
        policy = self._policy
        rest_s = for_s if for_s is not None and for_s > 0 else 0.0
        if now_s >= self.set_aside_until_s:
            grown_s = math.ldexp(policy.set_aside_s, min(self._times, _DOUBLINGS))
            rest_s = max(rest_s, grown_s)
            self._times += 1
        self.set_aside_until_s = max(self.set_aside_until_s, now_s + min(rest_s, policy.set_aside_max_s))
        self._reported_s = now_s
        self.reason = reason
        self.until_s = max(self.cooling_until_s, self.set_aside_until_s)

    def success(self, admitted_s: float) -> bool:
        """A call that began at `admitted_s` was served: the credential is good, unless the call is older than its
        failure. A cool-down goes on. Tells whether that ends what was said of a failure.
        """
        ends = bool(self._times) and admitted_s > self._reported_s
        if ends:
            self.renewed()
        return ends

    def renewed(self) -> None:
        """The credential has changed: what was said of the old one is forgotten. A cool-down goes on."""
        self._times = 0
        self.set_aside_until_s = 0.0
        self.reason = ""
        self.until_s = self.cooling_until_s
