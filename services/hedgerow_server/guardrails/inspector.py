"""Looks at whole texts: those of a request, and those of an answer that come as a whole."""

from collections.abc import Sequence

from hedgerow_server.core.guard import Action, Finding, GuardFailed, Judged
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.guardrails.asking import ask
from hedgerow_server.guardrails.fitted import Fitted
from hedgerow_server.guardrails.merge import merged, replaced
from hedgerow_server.guardrails.notes import Notes
from hedgerow_server.guardrails.watch import Pace, Watch


class Truncated(Exception):
    """The answer ends here, by a guard's decision."""


class Inspector:
    """One side of a call."""

    def __init__(self, watches: Sequence[Watch], remote: Sequence[Fitted], notes: Notes) -> None:
        self.rerouted: list[Fitted] = []
        """Guards that have decided where the call may go."""
        self._watches = watches
        self._remote = remote
        self._notes = notes

    async def request(self, spec: ChatSpec | EmbedSpec) -> None:
        """Looks at a request as a whole. Raises GuardrailBlocked and GuardrailUnavailable."""
        for watch in self._watches:
            if watch.fitted.request_guard is None or watch.failed:
                continue
            try:
                findings = watch.check(spec)
            except GuardFailed as error:
                self._failed(watch, error)
                continue
            if findings:
                self.whole(watch.fitted, findings)

    async def local(self, texts: Sequence[Judged]) -> list[str]:
        """The texts as the guards of this process leave them. Raises GuardrailBlocked, GuardrailUnavailable and
        Truncated.
        """
        pace, length = Pace(), sum(len(one.text) for one in texts)
        cuts: dict[int, list[tuple[int, Finding]]] = {}
        for watch in self._watches:
            if watch.scanner is None or watch.failed:
                continue
            watch.begin(length)
            try:
                found = [await self._look(watch, one, pace) for one in texts]
            except GuardFailed as error:
                self._failed(watch, error)
                continue
            self._act(watch.fitted, watch.order, found, cuts)
        return _without(texts, cuts)

    async def remote(self, texts: Sequence[Judged]) -> list[str]:
        """The texts as the guards elsewhere leave them. Raises as `local`."""
        asked = [
            (fitted, [place for place, one in enumerate(texts) if fitted.looks_at(one.source) and one.text])
            for fitted in self._remote
        ]
        asked = [(fitted, places) for fitted, places in asked if places]
        if not asked:
            return [one.text for one in texts]
        answers = await ask([(fitted, [texts[place] for place in places]) for fitted, places in asked], self._notes)
        cuts: dict[int, list[tuple[int, Finding]]] = {}
        for order, ((fitted, places), answer) in enumerate(zip(asked, answers, strict=True)):
            if isinstance(answer, GuardFailed):
                self._notes.failed(fitted, str(answer))
                continue
            found: list[list[Finding]] = [[] for _ in texts]
            for place, findings in zip(places, answer, strict=True):
                found[place] = findings
            self._act(fitted, order, found, cuts)
        return _without(texts, cuts)

    async def _look(self, watch: Watch, one: Judged, pace: Pace) -> list[Finding]:
        if not watch.fitted.looks_at(one.source):
            return []
        found = await watch.whole(one.text, one.source, pace)
        await pace.turn()
        return found

    def _failed(self, watch: Watch, error: GuardFailed) -> None:
        watch.failed = True
        self._notes.failed(watch.fitted, str(error))

    def _act(
        self, fitted: Fitted, order: int, found: list[list[Finding]], cuts: dict[int, list[tuple[int, Finding]]]
    ) -> None:
        """Does what the configuration says about what a guard has found in each text."""
        findings = [one for each in found for one in each]
        if not findings:
            return
        if fitted.does == "redact":
            self._notes.say(fitted, findings)
            for place, each in enumerate(found):
                if each and not fitted.shadow:
                    cuts.setdefault(place, []).extend((order, one) for one in each)
        else:
            self.whole(fitted, findings)

    def whole(self, fitted: Fitted, findings: Sequence[Finding]) -> None:
        """Acts upon what has no place that could be redacted: that is refused instead. Raises GuardrailBlocked and
        Truncated.
        """
        blocks = fitted.does in ("block", "redact")
        if blocks and not fitted.shadow:
            raise self._notes.blocked(fitted, findings)
        self._notes.say(fitted, findings, Action.BLOCKED if blocks else None)
        if fitted.shadow:
            return
        if fitted.does == "route":
            self.rerouted.append(fitted)
        elif fitted.does == "truncate":
            raise Truncated


def _without(texts: Sequence[Judged], cuts: dict[int, list[tuple[int, Finding]]]) -> list[str]:
    found = [one.text for one in texts]
    for place, findings in cuts.items():
        found[place] = replaced(found[place], merged(findings))
    return found
