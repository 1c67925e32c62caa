"""What may be spent beyond the ordinary: a share of it, saved up to a bound."""


class Allowance:
    """A token bucket that earns a share of what is spent ordinarily, in calls, picodollars or anything else.

    It starts empty. So what was taken never exceeds the share of what was earned on, and within any stretch it exceeds
    that stretch's share by the burst at most.
    """

    __slots__ = ("_level", "burst", "share")

    def __init__(self, share: float, burst: float) -> None:
        """`share` of what is earned on is put aside, and at most `burst` is kept."""
        self.share = share
        self.burst = burst
        self._level = 0.0

    def earn(self, amount: float = 1.0) -> None:
        """So much was spent ordinarily."""
        self._level = min(self._level + amount * self.share, max(self.burst, self._level))

    def take(self, amount: float = 1.0) -> bool:
        """Takes it if it is there."""
        if self._level < amount:
            return False
        self._level -= amount
        return True

    def correct(self, amount: float) -> None:
        """Gives back what was taken and not spent or, below 0, takes more without asking: debts come first."""
        self._level = min(self._level + amount, max(self.burst, self._level))

    def available(self) -> float:
        """What is there; below 0 is a debt."""
        return self._level
