"""What the configuration says of the names that callers use."""

from typing import Annotated, Literal

import pydantic

from hedgerow_server.caching.section import RouteCacheSection
from hedgerow_server.config.credential import Credential
from hedgerow_server.config.model import Seconds, Section
from hedgerow_server.routing.conditions import CALLER_SAYS, Condition
from hedgerow_server.routing.hedge import HedgePolicy
from hedgerow_server.routing.select import Strategy

_PERCENT = 100.0

Region = Annotated[str, pydantic.Field(min_length=1, max_length=64)]
"""A region, as candidates name theirs."""


def _condition(text: str) -> str:
    Condition(text)
    return text


When = Annotated[str, pydantic.Field(min_length=1, max_length=4096), pydantic.AfterValidator(_condition)]
"""A condition in CEL (https://cel.dev) that gives true or false. Variables: `tenant`, `team` and `user` of the caller,
`labels` and `metadata` of the call (maps of strings), and `request` with kind, model, stream, input_tokens (estimated),
max_output_tokens (0: not set), messages, inputs, tools, json_schema, images, audio, files, reasoning, prefill;
`budgets["NAME"]` is how much of the caller's budget of this name is spent, 1.0 being all of it.
Functions: size, contains, startsWith, endsWith, matches, string, int, uint, double, type."""


class CandidateSection(Section):
    """A provider's model that may serve a route."""

    provider: str
    """The entry of `providers` that is asked."""
    model: str = pydantic.Field(min_length=1, max_length=256)
    """The provider's own name of the model; `*` in a route whose name ends with `/*`."""
    region: str = pydantic.Field(default="", max_length=64)
    """Where the model runs. Compared letter by letter with the regions that routes, rules, callers and calls allow; a
    candidate without one is in none."""
    credential: Credential | None = None
    """The entry of `credentials` to use, or a list of several. None: the provider's."""
    weight: int = pydantic.Field(default=1, ge=0, le=1_000_000)
    """The share of a weighted route's calls that come here first. 0: only when all others cannot be asked, and no
    conversation stays."""
    when: When | None = None
    """Passes the candidate over unless this holds. It does not hold where it needs a label that the call lacks."""
    first_token_timeout_seconds: Seconds | None = None
    """How long to wait here for the first content before the next candidate is asked. None: the rule's or the route's
    limit."""
    dimensions: int | None = pydantic.Field(default=None, ge=1, le=65_536)
    """The length of the vectors of an embedding model, where the gateway does not know it by itself. It lets an answer
    that would be too large be refused before it is paid for."""
    vector_space: str = pydantic.Field(default="", max_length=128)
    """Embedding models with the same one give vectors that can be compared. Empty: as the catalogue knows it, or the
    model's own name. An embedding call never changes it."""
    model_family: str = pydantic.Field(default="", max_length=128)
    """Models with the same one are the same model, whoever runs it: a kept answer of one may be given for the other
    where the route's `cache` says so. Empty: the model's own name."""


class RuleSection(Section):
    """One entry of a route's `rules`: what holds for the calls that meet a condition."""

    when: When
    """The condition. With `regions` it may look at who calls only: labels and requests are as callers like."""
    providers: tuple[str, ...] = ()
    """Only these providers serve such calls. A condition on who calls holds where it cannot be told."""
    regions: tuple[Region, ...] = ()
    """Such calls are served only there. Where the condition cannot be told, it holds."""
    models: tuple[Annotated[str, pydantic.Field(min_length=1, max_length=256)], ...] = ()
    """Only these models, by their providers' names, serve such calls. With a condition on `budgets` this is a
    downgrade: callers whose first choice it leaves out are told by a warning, and where it leaves nobody the call is
    refused as beyond its budget."""
    strategy: Strategy | None = None
    """The order for such calls."""
    hedge: bool | None = None
    """false: such calls are not hedged. true: no later rule may say so."""
    first_token_timeout_seconds: Seconds | None = None
    """The limit for such calls; a candidate's own comes before it."""

    @pydantic.model_validator(mode="after")
    def _residency(self) -> "RuleSection":
        said = sorted(Condition(self.when).variables & CALLER_SAYS)
        if self.regions and said:
            raise ValueError(f"a rule with regions must not depend on {said[0]}: callers say it as they like")
        return self


class HedgeSection(Section):
    """Starts a second attempt beside a first one that is slow; the first token of the two wins, the other is cancelled.

    The delay is a running percentile of the candidate's own first-token times, such that about `max_extra_percent` of
    calls get a second attempt. Calls with tools that the provider runs and calls that it stores are never hedged.
    """

    max_extra_percent: float = pydantic.Field(default=5.0, gt=0, le=100)
    """The most second attempts, as a share of calls and of their cost."""
    min_delay_seconds: Seconds = 0.05
    """No second attempt starts sooner."""
    max_delay_seconds: Seconds = 30.0
    """A second attempt starts by then, where the budget allows."""
    min_samples: int = pydantic.Field(default=50, ge=1, le=1_000_000)
    """Not before so many first-token times of the candidate are known."""
    max_rate_limited_share: float = pydantic.Field(default=0.02, ge=0, le=1)
    """Not where more of the latest answers were rate limits."""

    def policy(self) -> HedgePolicy:
        """What hedging needs of it."""
        return HedgePolicy(
            max_extra=self.max_extra_percent / _PERCENT,
            min_delay_s=self.min_delay_seconds,
            max_delay_s=self.max_delay_seconds,
            min_samples=float(self.min_samples),
            max_rate_share=self.max_rate_limited_share,
        )


class HedgingSection(Section):
    """Section `hedging`: what all hedged routes share."""

    max_extra_percent: float = pydantic.Field(default=5.0, gt=0, le=100)
    """The most second attempts of all routes together, and of the calls that start at any one provider, as a share of
    their calls and of their cost. A route's own `hedge.max_extra_percent` holds besides."""

    @property
    def max_extra(self) -> float:
        """The share, 0 to 1."""
        return self.max_extra_percent / _PERCENT


class AffinitySection(Section):
    """Keeps a conversation with the candidate that answered it last, so that the provider's prompt cache stays warm."""

    ttl_seconds: Seconds = 300.0
    """How long after its last answer a conversation is remembered."""


class StructuredOutputSection(Section):
    """What is done about an answer that is not the JSON that its call's `response_format` asks for: any object, or what
    follows the schema. What stays wrong ends with the finish reason MALFORMED_OUTPUT.

    Only what a model has ended by itself is checked: an answer that was cut, refused or calls a tool says so already. A
    call whose schema cannot be checked (no JSON Schema, a `$ref` to elsewhere, a pattern with look-around) is refused
    with INVALID_ARGUMENT before anybody is asked.
    """

    check: bool = True
    """Whether answers are checked."""
    repair: bool = True
    """Whether what can be put right without a guess is: code fences and words around the JSON, commas before a closing
    bracket, closing brackets that are missing at the end. Callers are told by a warning OUTPUT_REPAIRED. Never in what
    was streamed as it came."""
    reask: int = pydantic.Field(default=0, ge=0, le=2)
    """How often the model is shown its answer and what is wrong with it, and asked again, within the call's deadline,
    budget and `max_attempts`. The caller pays for every answer. Not for streams, unless they are held."""
    hold: bool = False
    """Whether streams of such calls are held until they are checked: nothing comes before the last word."""


class RouteSection(Section):
    """One entry of `routes`: a model name for callers and who serves it.

    A name that ends with `/*`, such as `openai/*`, stands for all names that begin like it: what the caller says in the
    place of the star is the provider's own name of the model. A route with the whole name comes first, then the longest
    beginning.
    """

    kind: Literal["chat", "embed", "any"]
    """What the name is for; any: both, as for a whole provider."""
    candidates: tuple[CandidateSection, ...] = pydantic.Field(min_length=1, max_length=32)
    """Who may serve it."""
    strategy: Strategy = "ordered"
    """Who is asked first. ordered: as listed; weighted: by `weight`; cheapest: by the expected cost of the request;
    fastest: by the latest first-token times. The others follow when it fails."""
    regions: tuple[Region, ...] = ()
    """Residency: only candidates in these regions serve the route, whatever fails."""
    rules: tuple[RuleSection, ...] = pydantic.Field(default=(), max_length=64)
    """What holds for some calls only. All that apply narrow together; of the rest the first that says it holds."""
    max_attempts: int = pydantic.Field(default=3, ge=1, le=8)
    """The most requests to providers for one call: retries, failover and hedging together."""
    first_token_timeout_seconds: Seconds | None = None
    """How long each attempt may take to its first content before the next candidate is asked. Unary calls then stream
    upstream. None: the provider's limit."""
    max_wait_seconds: float = pydantic.Field(default=5.0, ge=0, le=300)
    """When all candidates are rate-limited: the longest wait for the first one, if the deadline allows it."""
    larger_context: bool = False
    """Whether a conversation that a provider refuses as too long goes to a candidate with a larger context, as the
    catalogue knows it. One that is too long by estimate goes there in any case."""
    hedge: HedgeSection | None = None
    """Second attempts beside slow first ones. None: no hedging."""
    affinity: AffinitySection | None = None
    """Keeps conversations with their candidate. None: every call is on its own."""
    structured_output: StructuredOutputSection | None = None
    """Checks answers that shall be JSON. None: they come as they are."""
    guardrails: tuple[str, ...] | None = pydantic.Field(default=None, max_length=32)
    """The guards of its calls, by their names in `guardrails.guards` and in the order in which they look. None:
    `guardrails.default`; an empty list: only those of the caller's tenant."""
    guardrails_beside: bool = False
    """Whether the upstream call may start while guards that run elsewhere still look at the request. It saves their
    time and may pay for an answer that nobody gets: nothing of it goes out before they have spoken. Not for calls with
    tools, and not where such a guard redacts or routes."""
    cache: RouteCacheSection | None = None
    """Answers that are kept and given again. None: there are none."""
