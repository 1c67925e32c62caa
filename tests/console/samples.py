"""Pages of the console with every kind of fact in them, and a hostile text wherever one may come from outside."""

import math
from collections.abc import Callable

import msgspec
from hedgerow_server.console import shown
from hedgerow_server.core.admin import (
    CandidateFacts,
    Change,
    ConfigState,
    PoolFacts,
    Quantiles,
    SwitchFacts,
)
from hedgerow_server.core.credentials import CredentialAlarm, CredentialFacts, RotationFacts
from hedgerow_server.core.explanation import (
    CandidateExplanation,
    CandidateHealth,
    CandidatePrice,
    HedgingTerms,
    RouteExplained,
    Why,
)
from hedgerow_server.core.keys import KeyFacts

NOW = 1_772_366_400.0
"""2026-03-01T12:00:00Z."""
HOSTILE = "</title></script>\"'><script>window.ran=1</script><img src=x onerror=window.ran=1>"
USD = 10**12
Write = Callable[[str], str]
"""Makes of an honest text the one that is shown."""


def honest(text: str) -> str:
    return text


def hostile(text: str) -> str:
    return text + HOSTILE


def shell(write: Write = honest) -> shown.Shell:
    return shown.Shell(
        who=write("ops@example.com"),
        csrf="token",
        version="0.1.0",
        config_hash="9c1f3a7be2d04c55",
        ready=True,
        now_unix_s=NOW,
        session_ends_unix_s=NOW + 1800,
        open_calls=3,
    )


def config(write: Write) -> ConfigState:
    return ConfigState(
        config_hash="9c1f3a7be2d04c55",
        path=write("/etc/hedgerow/hedgerow.yaml"),
        loaded_unix_s=NOW - 7800,
        reloads=4,
        failed_reloads=1,
        last_error=write("routes.chat.candidates.0.provider: there is no provider of this name"),
        failed_unix_s=NOW - 900,
        restart_keys=("server.listen",),
        routes=3,
    )


def overview(write: Write) -> shown.Overview:
    minutes = tuple(
        shown.Minute(
            NOW - 60 * (60 - at), int(90 + 60 * math.sin(at / 7) + at % 5 * 6), 14 if at == 41 else at % 9 // 7
        )
        for at in range(60)
    )
    return shown.Overview(
        problems=(),
        config=config(write),
        lately=(
            shown.Lately(
                span_s=60, calls=118, failed=1, p50_s=0.812, p95_s=2.41, first_token_p50_s=0.231, first_token_p95_s=0.9
            ),
            shown.Lately(
                span_s=900,
                calls=1834,
                failed=27,
                p50_s=0.79,
                p95_s=2.66,
                first_token_p50_s=0.22,
                first_token_p95_s=1.02,
                cost_picos=4 * USD,
            ),
        ),
        minutes=minutes,
        open_calls=3,
        calls_since_start=412_903,
        started_unix_s=NOW - 271_000,
        alarms=(
            shown.Alarm(
                text=write("Credential openai-main: rotation overdue"),
                since_unix_s=NOW - 5400,
                href="/console/credentials",
            ),
            shown.Alarm(text=write("Provider azure-eu: breaker open"), since_unix_s=NOW - 40, severe=False),
        ),
        routes=3,
        candidates=7,
        candidates_out=1,
    )


def call(write: Write, number: int = 1, code: str = "OK") -> shown.CallShown:
    failed = code not in ("OK", "")
    return shown.CallShown(
        call_id=write(f"01JNQ8{number:02d}V5K3Y7ZD2M4T6R"),
        request_id=write(f"req-{number:06d}"),
        started_unix_s=NOW - 7 * number - 3,
        method="hedgerow.v1.ChatService/StreamChat",
        door="grpc",
        tenant=write("acme" if number % 3 else "globex"),
        team=write("search"),
        user=write("lena"),
        service=write("indexer"),
        key_id=write("hk_7f3a"),
        route=write("chat-default" if number % 2 else "chat-large"),
        provider=write("openai-main" if number % 4 else "azure-eu"),
        model=write("gpt-4.1"),
        code=code,
        reason=write("UPSTREAM_UNAVAILABLE") if failed else "",
        message=write("every candidate failed; the last one answered HTTP 503") if failed else "",
        attempts=1 + number % 3,
        duration_s=None if not code else 0.4 + number * 0.173,
        first_token_s=None if failed else 0.18 + number * 0.011,
        cost_picos=None if failed else 1_240_000_000 * number,
        input_tokens=1200 + 31 * number,
        output_tokens=80 + 7 * number,
        cache="hit" if number == 5 else "",
    )


def calls(write: Write) -> shown.Calls:
    codes = ("OK", "OK", "UNAVAILABLE", "OK", "OK", "CANCELLED", "OK", "OK", "OK", "OK")
    return shown.Calls(
        filter=shown.CallFilter(),
        routes=(write("chat-default"), write("chat-large")),
        tenants=(write("acme"), write("globex")),
        open=tuple(call(write, number, "") for number in (20, 21)),
        recent=tuple(call(write, number, code) for number, code in enumerate(codes, 1)),
        kept=500,
    )


def attempts(write: Write) -> tuple[shown.AttemptShown, ...]:
    return (
        shown.AttemptShown(
            number=1,
            provider=write("azure-eu"),
            model=write("gpt-4.1"),
            region=write("swedencentral"),
            kind="primary",
            outcome="failed",
            reason=write("UPSTREAM_UNAVAILABLE"),
            upstream_status=503,
            upstream_request_id=write("req_8f2c41"),
            offset_s=0.004,
            total_s=0.212,
            connect_s=0.031,
            cost_picos=0,
            credential=write("azure-key"),
        ),
        shown.AttemptShown(
            number=2,
            provider=write("openai-main"),
            model=write("gpt-4.1"),
            kind="failover",
            outcome="hedge_lost",
            offset_s=0.221,
            total_s=0.74,
            cost_picos=310_000_000,
        ),
        shown.AttemptShown(
            number=3,
            provider=write("openai-backup"),
            model=write("gpt-4.1"),
            kind="hedge",
            outcome="succeeded",
            offset_s=0.52,
            total_s=1.31,
            first_token_s=0.43,
            cost_picos=1_240_000_000,
            served_model=write("gpt-4.1-2025-04-14"),
        ),
    )


def detail(write: Write) -> shown.CallDetail:
    return shown.CallDetail(
        call=msgspec.structs.replace(call(write), duration_s=1.846, attempts=3),
        attempts=attempts(write),
        breakdown=(
            shown.Part("authentication", 0.001),
            shown.Part("guardrails", 0.018),
            shown.Part("queue", 0.002),
            shown.Part("providers", 1.82),
            shown.Part("gateway", 0.005),
        ),
        verdicts=(
            shown.VerdictShown(
                guardrail=write("pii"), side="input", action="redact", category=write("pii.email"), score=0.97
            ),
            shown.VerdictShown(guardrail=write("tone"), side="output", action="block", category="x", shadow=True),
        ),
        warnings=(write("MODEL_RETIRING: the model retires on 2026-06-01"),),
        labels=((write("feature"), write("summary")), ("env", "prod")),
        usage=(("input_uncached", 1000), ("input_cache_read", 231), ("output_visible", 87)),
        why=write("least latency; rules[0]"),
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        price_version="2026-02-20",
        other_call_ids=(write("01JNQ9OTHER"),),
    )


def facts(write: Write, breaker: str) -> CandidateFacts:
    return CandidateFacts(
        provider=write("azure-eu"),
        model=write("gpt-4.1"),
        region="swedencentral",
        credential=write("azure-key"),
        switched_off=False,
        breaker=breaker,
        breaker_reason=write("5 of the last 8 calls failed"),
        ejected_until_unix_s=None,
        ejections=0,
        calls=8,
        failures={"UPSTREAM_UNAVAILABLE": 5 if breaker == "open" else 0},
        slow=0,
        trials=0,
        cooling_until_unix_s=NOW + 20 if breaker == "open" else None,
        set_aside_until_unix_s=None,
        set_aside_reason="",
        running=2,
        rate_limited_share=0.04,
        streamed=Quantiles(40, 0.231, 0.902),
        unary=None,
        pool=PoolFacts(requests_limit=500, requests_left=312, tokens_limit=200_000, tokens_left=141_200, waiting=0),
    )


def routes(write: Write) -> shown.Routes:
    candidates = (
        shown.CandidateShown(
            provider=write("openai-main"),
            model=write("gpt-4.1"),
            weight=3,
            usable=True,
            reasons=(),
            facts=facts(write, "closed"),
        ),
        shown.CandidateShown(
            provider=write("azure-eu"),
            model=write("gpt-4.1"),
            region="swedencentral",
            usable=False,
            reasons=(write("breaker open: 5 of the last 8 calls failed; asked again in 20 s"),),
            facts=facts(write, "open"),
        ),
        shown.CandidateShown(provider=write("spare"), model=write("llama-3"), usable=True, reasons=()),
    )
    return shown.Routes(
        routes=(
            shown.RouteShown(name=write("chat-default"), kind="chat", strategy="least_latency", candidates=candidates),
            shown.RouteShown(name=write("embed"), kind="embed", strategy="order", candidates=candidates[:1]),
        ),
        switches=(SwitchFacts("model", write("gpt-4o"), write("retired by the vendor"), NOW - 86_000),),
        find=write("e"),
        left_out=9_800,
        scopes=("provider", "model", "tenant"),
        may_switch_on=True,
    )


def spend(write: Write) -> shown.Spend:
    points = tuple(
        shown.SpendPoint(NOW - 86_400 * (30 - day), int((8 + 5 * math.sin(day / 3) + day / 5) * USD), 400 + day)
        for day in range(30)
    )
    shares = (
        shown.SpendShare(write("search"), 201 * USD, 9100, 41, 31_000_000),
        shown.SpendShare(write("support"), 84 * USD, 4021, 12, 11_200_000),
        shown.SpendShare("", 3 * USD, 150, 0, 310_000),
    )

    def budget(name: str, unit: str, limit: int, used: int, held: int = 0) -> shown.BudgetShown:
        return shown.BudgetShown(
            name=write(name),
            budget=unit == "usd",
            scope=(("tenant", write("acme")),) if unit == "usd" else (),
            unit=unit,
            window="month" if unit == "usd" else "minute",
            hard=True,
            limit=limit,
            used=used,
            held=held,
            reset_unix_s=NOW + 86_400 * 3 if unit == "usd" else None,
        )

    return shown.Spend(
        span="month",
        by="team",
        points=points,
        shares=shares,
        total=shown.SpendShare("", 288 * USD, 13_271, 53, 42_510_000),
        unpriced_attempts=4,
        budgets=(
            budget("acme-month", "usd", 400 * USD, 288 * USD, 2 * USD),
            budget("acme-trial", "usd", 50 * USD, 52 * USD),
            budget("requests", "requests", 1000, 870, 12),
        ),
    )


def keys(write: Write) -> shown.Keys:
    def key(number: int, *, revoked: float | None = None, expires: float | None = None) -> KeyFacts:
        return KeyFacts(
            key_id=write(f"hk_{number:04x}"),
            tenant=write("acme"),
            team=write("search"),
            user="",
            service=write("indexer"),
            description=write("nightly index"),
            roles=("caller",),
            rpcs=(),
            models=(write("chat-*"),),
            regions=(),
            created_unix_s=NOW - 86_400 * 40,
            created_by=write("lena"),
            expires_unix_s=expires,
            revoked_unix_s=revoked,
            replaces=write("hk_0001") if number == 2 else "",
            last_used_unix_s=NOW - 61,
        )

    return shown.Keys(
        tenant="",
        keys=(key(31_000), key(2, expires=NOW + 86_400), key(3, revoked=NOW - 86_400)),
        next_page_token="more",
    )


def credentials(write: Write) -> shown.Credentials:
    def credential(name: str, **changed: object) -> CredentialFacts:
        plain = CredentialFacts(
            name=write(name),
            source=write("vault secret/llm/openai"),
            ready=True,
            problem="",
            taken_unix_s=NOW - 4000,
            versions=3,
            used_unix_s=NOW - 2,
            refused_unix_s=None,
            refusals=0,
            set_aside_until_unix_s=None,
            set_aside_reason="",
            providers=(write("openai-main"),),
            made_unix_s=NOW - 86_400 * 12,
        )
        return msgspec.structs.replace(plain, **changed)

    return shown.Credentials(
        credentials=(
            credential(
                "openai-main",
                rotation=RotationFacts(
                    begins_unix_s=NOW - 7200, due_unix_s=NOW - 5400, waiting=True, problem=write("probe failed")
                ),
                alarms=(CredentialAlarm("rotation_overdue", write("openai-main"), "UNAUTHENTICATED", NOW - 5400),),
            ),
            credential("azure-key", set_aside_until_unix_s=NOW + 300, set_aside_reason="UPSTREAM_AUTH", refusals=3),
            credential("spare", ready=False, problem=write("no such file"), taken_unix_s=None, made_unix_s=None),
        )
    )


def errors(write: Write) -> shown.Errors:
    failed = shown.FailedCall(
        call=msgspec.structs.replace(call(write, 3, "UNAVAILABLE"), duration_s=1.846), attempts=attempts(write)
    )
    return shown.Errors(
        providers=(
            shown.ProviderErrors(
                provider=write("azure-eu"),
                reasons=((write("UPSTREAM_UNAVAILABLE"), 5), ("UPSTREAM_TIMEOUT", 1)),
                calls=(failed,),
            ),
        ),
        drift=((write("openai-main"), "event", write("response.queued"), 12),),
        kept=500,
    )


def configuration(write: Write) -> shown.Configuration:
    text = "server:\n  listen: 0.0.0.0:8443\nproviders:\n  openai-main:\n    dialect: openai\n    api_key: '***'\n"
    return shown.Configuration(
        state=config(write),
        text=write(text),
        drift=(Change(write("routes.chat-default"), "changed"),),
        may_reload=True,
    )


def candidate(write: Write, *, asked: bool, eligible: bool, why: Why, text: str) -> CandidateExplanation:
    return CandidateExplanation(
        provider=write("openai-main"),
        model=write("gpt-4.1"),
        region="",
        credential=write("openai"),
        eligible=eligible,
        asked=asked,
        why=why,
        text=write(text),
        written_in=write("routes.chat-default.candidates[0]"),
        health=CandidateHealth(breaker="closed", running=1, typical_s=0.231),
        price=CandidatePrice(input_picos=2_000_000, output_picos=8_000_000, expected_picos=2_310_000_000, version="1")
        if eligible
        else None,
        first_share=0.75 if asked else None,
    )


def ask(write: Write) -> shown.Try:
    return shown.Try(
        question=shown.Question(
            model=write("chat-default"), system=write("Be brief."), prompt=write("What is a hedgerow?")
        ),
        models=(write("chat-default"), write("chat-large")),
        plan=RouteExplained(
            candidates=(
                candidate(write, asked=True, eligible=True, why=Why.WEIGHT, text="drawn by its weight"),
                candidate(write, asked=False, eligible=True, why=Why.RESTING, text="rests for another 20 s"),
                candidate(write, asked=False, eligible=False, why=Why.REGION, text="the caller may not use us-east-1"),
            ),
            strategy="WEIGHTED",
            rules=(0,),
            max_attempts=3,
            affinity=True,
            hedging=HedgingTerms(max_extra_percent=5, min_delay_s=0.2, max_delay_s=2),
        ),
        error=write("") and write("INVALID_ARGUMENT: "),
    )


def pages(write: Write = honest) -> dict[str, shown.Page]:
    """Every page of somebody who is logged in, by its path."""
    return {
        "/console/": overview(write),
        "/console/calls": calls(write),
        "/console/call": detail(write),
        "/console/routes": routes(write),
        "/console/errors": errors(write),
        "/console/spend": spend(write),
        "/console/keys": keys(write),
        "/console/credentials": credentials(write),
        "/console/configuration": configuration(write),
        "/console/try": ask(write),
    }


def plain(write: Write = honest) -> dict[str, shown.Login | shown.Failure]:
    """Every page that anybody may see."""
    return {
        "/console/login": shown.Login(
            csrf="token",
            oidc_name=write("Example SSO"),
            error=write("This key may not log in."),
            next=write("/console/"),
        ),
        **{
            f"/console/failure/{status}": shown.Failure(
                status=status, text=write("") and write("No. "), request_id=write("req-1")
            )
            for status in (401, 403, 404, 500)
        },
    }
