"""Which candidates of a route may be asked, so that breakers never take a route away that still works."""

import enum
import math
from collections.abc import Sequence

from hedgerow_server.routing.breaker import Breaker

_ROUNDING = 1e-9


class Admission(enum.Enum):
    """Whether a candidate may be asked."""

    YES = "yes"
    """It may, for all that is known of it; or its trial is due."""
    FORCED = "forced"
    """It is ejected, but too many others are as well: better than nobody, and best asked after those that are not.
    Admit it with `forced=True`."""
    NO = "no"
    """It rests, or is ejected."""


def admissible(breakers: Sequence[Breaker], max_ejected_share: float, now_s: float) -> list[Admission]:
    """Which of these candidates may be asked, in the order given. They are those that a call could still ask: one that
    it has tried, or that rests with its provider or credential, is no reason to leave another out.

    Of those that do not rest no more than `max_ejected_share` (0 to 1), and never all, are left out on partial
    evidence: one that still answers some calls, or answers late, is better than none. Of those that are too many, the
    ones with the fewest failures in a row, then the lowest share of failures, are let in. A candidate that nothing
    speaks for (`Breaker.total`) may always be left out, so that calls fail at once when all of them are down. Then a
    single call is let through now and then (`Breaker.overdue`): however long the ejections have grown, there is nobody
    for whose sake they should last.
    """
    verdicts = [Admission.NO if one.rest.resting(now_s) else Admission.YES for one in breakers]
    if not any(one.ejected for one in breakers):
        return verdicts
    awake = [index for index, verdict in enumerate(verdicts) if verdict is Admission.YES]
    ejected = [index for index in awake if breakers[index].ejected]
    limit = min(math.floor(max_ejected_share * len(awake) + _ROUNDING), len(awake) - 1)
    partial = [index for index in ejected if not breakers[index].total]
    partial.sort(key=lambda index: breakers[index].weight_of_evidence)
    forced = partial[: max(0, len(ejected) - limit)]
    for index in ejected:
        if not breakers[index].trial_left(now_s):
            verdicts[index] = Admission.FORCED if index in forced else Admission.NO
    if ejected and Admission.YES not in verdicts and not forced and all(breakers[i].overdue(now_s) for i in ejected):
        verdicts[min(ejected, key=lambda index: breakers[index].tried_s)] = Admission.FORCED
    return verdicts
