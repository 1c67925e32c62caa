"""The rotations of all credentials that have a policy: one task each, from one configuration to the next."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable

import msgspec

from hedgerow_server.core.error import ProviderAuth
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Web
from hedgerow_server.core.webhook import Receiver
from hedgerow_server.credentials.alarm import Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.rotation.port import Probe, Probed, Send, Verdict
from hedgerow_server.credentials.rotation.rotation import Means, Rotation
from hedgerow_server.credentials.rotation.section import RotationSection
from hedgerow_server.credentials.rotation.webhook import Webhook
from hedgerow_server.credentials.vault.section import VaultCredential
from hedgerow_server.edition import Edition
from hedgerow_server.providers.http.port import Response, UnreachableError
from hedgerow_server.routing.candidate import Upstream
from hedgerow_server.settings import policy_of, probe_target

_PROBE_S = 10.0
_BODY_BYTES = 65_536


class _Running(msgspec.Struct, frozen=True):
    """The rotation of a credential, and what it was made of."""

    rotation: Rotation
    task: asyncio.Task[None]
    held: HeldLease
    provider: str


class Rotations:
    """Owns the tasks. On the event loop."""

    def __init__(self, edition: Callable[[], Edition], alarms: Alarms, web: Web) -> None:
        """`edition` is the configuration in force; `web` asks webhooks."""
        self._edition = edition
        self._alarms = alarms
        self._web = web
        self._running: dict[str, _Running] = {}
        self._past: list[Rotation] = []
        """Those of earlier configurations that have yet to retire a key."""
        self.outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """How windows have ended, by credential: see Rotation."""

    def of(self, credential: str) -> Rotation | None:
        """The rotation of a credential; None: it has no policy."""
        running = self._running.get(credential)
        return running.rotation if running is not None else None

    def serve(self, edition: Edition) -> None:
        """Another configuration is in force. Credentials that are as they were go on."""
        wanted = {
            name: policy for name, one in edition.settings.credentials.items() if (policy := policy_of(one)) is not None
        }
        for name, running in tuple(self._running.items()):
            if not (
                name in wanted and running.held is edition.leases[name] and running.provider == _target(edition, name)
            ):
                del self._running[name]
                self._end(running)
        for name, policy in wanted.items():
            if name not in self._running:
                self._running[name] = self._begin(edition, name, policy)
        for name in {one for one, _ in self._alarms.counts} - edition.leases.keys():
            self._alarms.forget(name)

    async def close(self) -> None:
        """Ends all of them."""
        tasks = [running.task for running in self._running.values()]
        for running in self._running.values():
            self._end(running)
        self._running = {}
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in self._past))

    def _begin(self, edition: Edition, name: str, policy: RotationSection) -> _Running:
        section, held = edition.settings.credentials[name], edition.leases[name]
        provider = _target(edition, name)
        means = Means(
            source=section.source,
            dynamic=isinstance(section, VaultCredential) and section.engine == "dynamic",
            provider=provider,
            probe=self._probe(provider) if provider else None,
            send=self._webhook(policy),
        )
        rotation = Rotation(policy, held, means, self._alarms, self.outcomes[name])
        return _Running(rotation, asyncio.create_task(rotation.run()), held, provider)

    def _end(self, running: _Running) -> None:
        running.task.cancel()
        running.rotation.detach()
        # Not the ended one alone: what it is about to retire may come to it in this moment.
        self._past = [*(one for one in self._past if one.retiring), running.rotation]

    def _webhook(self, policy: RotationSection) -> Send | None:
        if policy.webhook is None:
            return None
        section = policy.webhook

        def signs() -> Secret:
            # A reload may leave the policy as it is and give that credential another lease.
            return self._edition().leases[section.secret].current()

        receiver = Receiver(section.url, self._web, section.reach, signs, timeout_s=section.timeout_seconds)
        return Webhook(receiver).send

    def _probe(self, provider: str) -> Probe:
        async def ask(secret: Secret) -> Probed:
            return await probed(self._edition().upstreams[provider], secret)

        return ask


def _target(edition: Edition, name: str) -> str:
    return probe_target(edition.settings, name)


async def probed(upstream: Upstream, secret: Secret) -> Probed:
    """What a provider says of a secret, in a request that costs nothing."""
    request = upstream.dialect.probe(secret)
    if request is None:
        return Probed(Verdict.UNSURE, f"{upstream.name} has no request that costs nothing")
    try:
        async with asyncio.timeout(_PROBE_S):
            return await _asked(upstream, request)
    except TimeoutError:
        return Probed(Verdict.UNSURE, f"{upstream.name} has not answered within {_PROBE_S:g} s")
    except UnreachableError as error:
        return Probed(Verdict.UNSURE, f"{upstream.name} cannot be used: {error.detail}")


async def _asked(upstream: Upstream, request: HttpRequest) -> Probed:
    response = await upstream.transport.send(request, ())
    whole = False
    try:
        if 200 <= response.status < 300:
            return Probed(Verdict.GOOD)
        body = await _body(response)
        whole = True
    finally:
        response.release(finished=whole)
    headers = {name.lower(): value for name, value in response.headers.items()}
    error = upstream.dialect.classify(response.status, headers, body)
    if isinstance(error, ProviderAuth):
        return Probed(Verdict.REFUSED, f"{upstream.name} refuses the key (status {response.status})")
    return Probed(Verdict.UNSURE, f"{upstream.name} answers {response.status}")


async def _body(response: Response) -> bytes:
    body = bytearray()
    while len(body) < _BODY_BYTES and (data := await response.read()):
        body += data
    return bytes(body)
