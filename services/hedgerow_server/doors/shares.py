"""Who gets what of something that is nearly all taken: dynamic thresholds.

Whoever has `_PART` times as much as is left gets no more. One alone so takes 4/5 of the whole, two that want all 4/9
each, and whoever asks for little finds the rest. It needs no list of who is there, no weights and no look at the
others, and where there is plenty it never says no. Known from packets in shared memory: A. K. Choudhury and E. L.
Hahne, "Dynamic queue length thresholds for shared-memory packet switches", IEEE/ACM Transactions on Networking 6(2),
1998.
"""

from collections.abc import Hashable

_PART = 4


class Shares:
    """Counts by group."""

    __slots__ = ("_each", "size", "taken")

    def __init__(self, size: float) -> None:
        """`size`: how much there is in all, 0 or more; may be changed."""
        self.size = size
        self.taken = 0.0
        """By all."""
        self._each: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._each)

    def has_its_share(self, group: Hashable, parts: int = 1) -> bool:
        """Whether the group gets no more now. `parts`: how many times the share of others it may have, of all but the
        last place. Whoever has less than an equal part of the whole gets more even where nothing is left, as when it
        has become smaller: whether there is anything at all is another question.
        """
        mine = self._each.get(group, 0.0)
        if mine < self.size / (len(self._each) + 1):
            return False
        left = self.size - self.taken
        return mine >= _PART * (left + (parts - 1) * (left - 1))

    def has_a_hog(self) -> bool:
        """Whether one group has taken more than all others, of which there are some."""
        return len(self._each) > 1 and max(self._each.values()) > self.taken / 2

    def take(self, group: Hashable) -> None:
        """One more for it, whatever is left."""
        self._each[group] = self._each.get(group, 0.0) + 1
        self.taken += 1

    def give_back(self, group: Hashable) -> None:
        """One less."""
        self.taken -= 1
        left = self._each[group] - 1
        if left > 0:
            self._each[group] = left
        else:
            del self._each[group]

    def fade(self, kept: float, least: float) -> None:
        """What each has taken counts only for a part, above 0 and below 1; less than `least` is nothing."""
        self._each = {group: taken * kept for group, taken in self._each.items() if taken * kept >= least}
        self.taken = sum(self._each.values())

    def clear(self) -> None:
        """Nobody has anything."""
        self._each.clear()
        self.taken = 0.0


def whole(alone: float) -> float:
    """How large something must be for one that is alone to get so much of it."""
    return alone * (1 + 1 / _PART)
