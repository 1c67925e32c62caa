"""A part of an answer on its way out: what a guard could still find something in is held back, the rest flows.

What comes out does not depend on how the text came: a text is let go up to a place once every guard has settled what
stands before it, and never within something that is to be replaced.
"""

from collections.abc import Sequence

import msgspec

from hedgerow_server.core.guard import Finding, GuardFailed, Judged, Source
from hedgerow_server.guardrails.asking import ask, piece_end
from hedgerow_server.guardrails.fitted import Fitted
from hedgerow_server.guardrails.merge import Cut, merged, replaced
from hedgerow_server.guardrails.notes import Notes
from hedgerow_server.guardrails.watch import Pace, Watch, check_held, moved


class _Eye:
    """How far one guard of this process has come in the part."""

    __slots__ = ("begin", "seen", "watch")

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.begin = 0
        """Up to here all is settled."""
        self.seen = 0
        """Up to here it was shown the text."""


class _Judge:
    """How far one guard elsewhere has come in the part."""

    __slots__ = ("begin", "failed", "fitted", "order")

    def __init__(self, fitted: Fitted, order: int) -> None:
        self.fitted = fitted
        self.order = order
        self.begin = 0
        self.failed = False


class _Found(msgspec.Struct, frozen=True):
    """What a guard has found in the part."""

    order: int
    fitted: Fitted
    finding: Finding


class Window:
    """One part. Places count from its beginning."""

    def __init__(self, source: Source, watches: Sequence[Watch], remote: Sequence[Fitted], notes: Notes) -> None:
        """`watches` and `remote` are those that look at texts of this source."""
        self.length = 0
        """Code points that have come."""
        self.released = 0
        """Up to here it has gone out."""
        self.cut = False
        """Whether the part ends here, by a guard's decision: nothing may follow."""
        self.cuts: list[Cut] = []
        """What was replaced of what has gone out."""
        self._source = source
        self._notes = notes
        self._eyes = [_Eye(watch) for watch in watches]
        self._judges = [_Judge(fitted, len(watches) + place) for place, fitted in enumerate(remote)]
        self._text = ""
        self._base = 0
        self._found: list[_Found] = []
        self._stops: list[_Found] = []
        self._truncates = any(one.does == "truncate" and not one.shadow for one in self._all())

    async def feed(self, text: str) -> str:
        """More of the part comes; returns what may go out. Raises GuardrailBlocked and GuardrailUnavailable."""
        if not text:
            return ""
        self._text += text
        self.length += len(text)
        await self._look(final=False)
        out = self._release(self._settled())
        self._forget()
        return out

    async def end(self) -> str:
        """Nothing follows, as far as is known; returns the rest. Should something follow after all, it is looked at
        together with what has gone out already. Raises as `feed`.
        """
        if self.released == self.length and not self._stops and not self._found:
            return ""
        seen = [(eye.begin, eye.seen) for eye in self._eyes]
        judged = [judge.begin for judge in self._judges]
        await self._look(final=True)
        out = self._release(self.length)
        for eye, places in zip(self._eyes, seen, strict=True):
            eye.begin, eye.seen = places
        for judge, place in zip(self._judges, judged, strict=True):
            judge.begin = place
        return out

    def moved(self, place: int) -> int:
        """Where a place of the part is in what goes out."""
        by = 0
        for cut in self.cuts:
            if cut.start >= place:
                break
            if cut.end > place:
                return cut.start + by
            by += len(cut.replacement) - (cut.end - cut.start)
        return place + by

    def _all(self) -> list[Fitted]:
        return [eye.watch.fitted for eye in self._eyes] + [judge.fitted for judge in self._judges]

    async def _look(self, *, final: bool) -> None:
        pace = Pace()
        for eye in self._eyes:
            if eye.watch.failed:
                continue
            eye.watch.begin(self.length - eye.begin)
            try:
                await self._scan(eye, pace, final=final)
            except GuardFailed as error:
                eye.watch.failed = True
                self._notes.failed(eye.watch.fitted, str(error))
        if self._judges:
            await self._judge(final=final)
        self._stop(final=final)

    async def _scan(self, eye: _Eye, pace: Pace, *, final: bool) -> None:
        watch = eye.watch
        assert watch.scanner is not None
        context = watch.scanner.context
        while True:
            base = max(self._base, eye.begin - context)
            end = self._base + watch.reach(self._text, max(eye.seen, eye.begin) - self._base)
            last = end == self.length
            text = self._text[base - self._base : end - self._base]
            scan = watch.step(text, self._source, eye.begin - base, final=final and last)
            self._note(watch.order, watch.fitted, moved(scan.findings, base))
            eye.begin, eye.seen = base + scan.settled, end
            check_held(end - eye.begin)
            if last:
                return
            await pace.turn()

    async def _judge(self, *, final: bool) -> None:
        """Asks the guards elsewhere about what has become a whole piece. Where pieces end depends on the text alone."""
        while True:
            due: list[tuple[_Judge, int]] = []
            for judge in self._judges:
                assert judge.fitted.remote is not None
                most, left = judge.fitted.remote.piece, self.length - judge.begin
                if judge.failed or not left or (left < most and not final):
                    continue
                text = self._text[judge.begin - self._base :]
                due.append((judge, judge.begin + (piece_end(text, 0, most) if left >= most else left)))
            if not due:
                return
            asked = [
                (judge.fitted, [Judged(self._text[judge.begin - self._base : end - self._base], self._source)])
                for judge, end in due
            ]
            answers = await ask(asked, self._notes)
            for (judge, end), answer in zip(due, answers, strict=True):
                if isinstance(answer, GuardFailed):
                    judge.failed = True
                    self._notes.failed(judge.fitted, str(answer))
                else:
                    self._note(judge.order, judge.fitted, moved(answer[0], judge.begin))
                judge.begin = end

    def _note(self, order: int, fitted: Fitted, findings: Sequence[Finding]) -> None:
        for one in findings:
            if one.end <= self.released:
                continue
            start = max(one.start, self.released)
            here = one if start == one.start else msgspec.structs.replace(one, start=start)
            stops = fitted.does in ("block", "truncate") and not fitted.shadow
            (self._stops if stops else self._found).append(_Found(order, fitted, here))

    def _stop(self, *, final: bool) -> None:
        """Acts upon the first thing that ends the answer, once nothing before it can come up any more."""
        if not self._stops or self.cut:
            return
        first = min(self._stops, key=lambda one: (one.finding.start, one.fitted.does != "block", one.order))
        if first.fitted.does == "block" and not self._truncates:
            raise self._notes.blocked(first.fitted, [first.finding])
        if not final and self._settled() <= first.finding.start:
            return
        if first.fitted.does == "block":
            raise self._notes.blocked(first.fitted, [first.finding])
        self.cut = True
        self._stops = [first]

    def _settled(self) -> int:
        places = [eye.begin for eye in self._eyes if not eye.watch.failed]
        return min([*places, *(judge.begin for judge in self._judges if not judge.failed)], default=self.length)

    def _release(self, settled: int) -> str:
        """Lets go of what stands before a place."""
        end = max(self.released, min([settled, *(one.finding.start for one in self._stops)]))
        redacting = [(one.order, one.finding) for one in self._found if one.fitted.changes]
        cuts = merged(redacting)
        for cut in cuts:
            if cut.start < end < cut.end:
                end = cut.start
        for one in self._found:
            if one.finding.start < end:
                self._notes.say(one.fitted, [one.finding])
        if self.cut:
            self._notes.say(self._stops[0].fitted, [self._stops[0].finding])
        done = [cut for cut in cuts if cut.end <= end]
        out = replaced(self._text[self.released - self._base : end - self._base], done, self.released)
        self.cuts += done
        self._found = [one for one in self._found if one.finding.start >= end]
        self.released = end
        return out

    def _forget(self) -> None:
        """Lets go of text that nobody looks at again."""
        keep = self.released
        for eye in self._eyes:
            assert eye.watch.scanner is not None
            keep = min(keep, eye.begin - eye.watch.scanner.context) if not eye.watch.failed else keep
        keep = min([keep, *(judge.begin for judge in self._judges if not judge.failed)])
        if keep > self._base:
            self._text, self._base = self._text[keep - self._base :], keep
