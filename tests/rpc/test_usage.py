"""UsageService and the verbs that ask it, against a real router with its ledger."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from hedgerow.chat.v1.chat_service_pb2 import CompleteRequest
from hedgerow.embed.v1.embed_service_pb2 import EmbedInput, EmbedSpec
from hedgerow.router.v1.router_service_pb2 import CountTokensRequest, CountTokensResponse
from hedgerow.usage.v1 import usage_service_pb2 as pb
from hedgerow.usage.v1.spend_pb2 import GroupBy, Period, SpendDimension, SpendFilter
from hedgerow_client import AsyncClient, Client, chat, embedding
from hedgerow_client.cli.verbs import build
from hedgerow_client.errors import HedgerowError, NotFoundError
from hedgerow_client.usage import UsageClient
from hedgerow_server.core.event import UsageTold
from hedgerow_server.ledger.answers import AttemptsExported
from hedgerow_server.rpc.usage import _fitting
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.store.spend import Pair
from hedgerow_server.wire.usage_answers import UsageAnswerBytes
from rpc.access import ROLES, Guarded, bearer, guarded
from rpc.caller import Door, eventually
from rpc.conftest import StartRouter
from typer.testing import CliRunner, Result

SERVICE = "/hedgerow.usage.v1.UsageService"
COUNT_TOKENS = "/hedgerow.router.v1.RouterService/CountTokens"
TEAM = GroupBy(dimension=SpendDimension.SPEND_DIMENSION_TEAM)
TENANT = GroupBy(dimension=SpendDimension.SPEND_DIMENSION_TENANT)
FEATURE = GroupBy(dimension=SpendDimension.SPEND_DIMENSION_LABEL, label="feature")


def asked(kind: Any, **fields: Any) -> Any:
    """A request, with messages as dictionaries."""
    return kind(**fields)


class Told:
    """A router on which two tenants have made calls, and what they were told."""

    def __init__(self, ours: Guarded) -> None:
        self.ours = ours
        self.target = ours.router.addresses["grpc"]
        self.acme, _ = ours.key(tenant="acme", team="search")
        self.globex, _ = ours.key(tenant="globex", team="search")
        self.finance, _ = ours.key(tenant="acme", roles=["finance"])
        self.picos = {"acme": 0, "globex": 0}
        with Client(self.target, token=self.acme) as client:
            for feature in ("chat", "chat", "find"):
                answer = client.complete(CompleteRequest(chat=chat("fast", "hi"), labels={"feature": feature}))
                self.picos["acme"] += answer.cost_picos
            try:
                client.complete(chat("all/sim-500", "hi"))
            except HedgerowError as error:
                self.failed = error.request_id
        with Client(self.target, token=self.globex) as client:
            self.picos["globex"] = client.complete(chat("fast", "hi")).cost_picos
        with self.usage(self.finance) as client:
            eventually(lambda: client.query_spend(pb.QuerySpendRequest()).total.calls_count == 5, "the ledger has all")

    def usage(self, token: str) -> UsageClient:
        return UsageClient(self.target, token=token, timeout=30)

    def run(self, *line: str, token: str = "") -> Result:
        """A verb of the command line."""
        environment = {"HEDGEROW_TARGET": self.target, "HEDGEROW_TOKEN": token or self.acme, "COLUMNS": "250"}
        return CliRunner().invoke(build(), line, env={**environment, "NO_COLOR": "1"})

    def refused(self, method: str, request: Any) -> Any:
        """What a caller is told whose request is wrong."""
        return self.ours.caller.unary(f"{SERVICE}/{method}", request, bytes, metadata=bearer(self.acme))


@pytest.fixture(scope="module")
def told(start_router: StartRouter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    roles = {**ROLES, "finance": {"rpcs": ["UsageService/*"], "all_tenants": True}}
    with guarded(start_router, tmp_path_factory.mktemp("usage") / "a.db", [], roles=roles) as running:
        yield Told(running)


def test_a_caller_is_told_of_the_spend_of_its_own_tenant(told: Told) -> None:
    request = pb.QuerySpendRequest(group_by=[TENANT, FEATURE])
    for tenant, token in (("acme", told.acme), ("globex", told.globex)):
        with told.usage(token) as client:
            answer = client.query_spend(request)
        assert {row.keys[0] for row in answer.rows} == {tenant}
        assert answer.total.cost.picos == told.picos[tenant] > 0
    with told.usage(told.acme) as client:
        features = {row.keys[1]: row.sum.calls_count for row in client.query_spend(request).rows}
    assert features == {"chat": 2, "find": 1, "": 1}


def test_a_filter_for_another_tenant_finds_nothing(told: Told) -> None:
    request = pb.QuerySpendRequest(filters=[SpendFilter(by=TENANT, values=["globex"])])
    with told.usage(told.acme) as client:
        assert client.query_spend(request).total.calls_count == 0


def test_a_role_may_be_told_of_every_tenant(told: Told) -> None:
    with told.usage(told.finance) as client:
        answer = client.query_spend(pb.QuerySpendRequest(group_by=[TENANT]))
    assert {row.keys[0]: row.sum.cost.picos for row in answer.rows} == told.picos


def test_a_call_is_told_by_its_own_id_and_by_its_request_id(told: Told) -> None:
    with told.usage(told.acme) as client:
        answer = client.get_call(told.failed)
        assert client.get_call(answer.call.call_id) == answer
    call, (attempt,) = answer.call, answer.attempts
    assert (call.request_id, call.tenant, call.team, call.route) == (told.failed, "acme", "search", "all/sim-500")
    assert (call.code, call.error_reason) == ("UNAVAILABLE", "ERROR_REASON_PROVIDER_UNAVAILABLE")
    assert (attempt.attempt.provider, attempt.attempt.model, attempt.attempt.upstream_status) == ("sim", "sim-500", 500)
    assert attempt.account == "unbilled"
    assert call.timings.total_duration.ToNanoseconds() >= attempt.attempt.total_duration.ToNanoseconds() > 0


def test_another_tenants_call_is_as_unknown_as_one_that_never_was(told: Told) -> None:
    with told.usage(told.acme) as client:
        call_id = client.get_call(told.failed).call.call_id
    with told.usage(told.globex) as client:
        for name in (call_id, told.failed, "nobodys"):
            with pytest.raises(NotFoundError) as caught:
                client.get_call(name)
            assert (caught.value.reason, caught.value.message) == (
                "ERROR_REASON_CALL_NOT_FOUND",
                "The ledger has no such call of the tenant.",
            )


def test_an_export_goes_through_all_pages_once(told: Told) -> None:
    with told.usage(told.acme) as client:
        found = [one.attempt for one in client.export_attempts(Period())]
        page, token = [], ""
        while True:
            request = pb.ExportAttemptsRequest(page_size=1, page_token=token)
            answer = client._stub.ExportAttempts(request, metadata=client._metadata)
            page += [one.attempt for one in answer.attempts]
            token = answer.next_page_token
            if not token:
                break
    assert page == found
    assert len({one.call_id for one in found}) == 4


def test_a_page_of_attempts_with_long_labels_is_cut_before_clients_refuse_it() -> None:
    """Attempts of 16 labels of 256 characters of three bytes: a thousand of them would be 12 MB."""
    attempt = AttemptRow(
        call_id="c", number=1, provider="p", model="m", kind="PRIMARY", outcome="FAILED", started_unix_s=0, account="x"
    )
    labels = {f"label-{number}": "€" * 256 for number in range(16)}
    call = CallRow(call_id="c", request_id="r", method="m", route="r", started_unix_s=0, labels=labels)
    count = _fitting([Pair(attempt, call)] * 1_000)
    told = AttemptsExported((Pair(attempt, call),) * count, "token")
    answer = UsageAnswerBytes()
    answer.add(UsageTold(told))
    assert 2 << 20 < len(answer.encode()) < 4 << 20
    assert _fitting([Pair(attempt, None)] * 1_000) == 1_000


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("QuerySpend", pb.QuerySpendRequest(time_zone="Mars/Olympus"), "time_zone"),
        ("QuerySpend", asked(pb.QuerySpendRequest, group_by=[{"dimension": 12}]), "group_by[0].label"),
        ("QuerySpend", asked(pb.QuerySpendRequest, group_by=[{"dimension": 1, "label": "x"}]), "group_by[0].label"),
        (
            "QuerySpend",
            asked(pb.QuerySpendRequest, filters=[{"by": {"dimension": 14}, "values": ["2026-11-26"]}]),
            "filters[0].by.dimension",
        ),
        (
            "QuerySpend",
            asked(pb.QuerySpendRequest, period={"start_time": {"seconds": 9}, "end_time": {"seconds": 8}}),
            "period",
        ),
        ("QuerySpend", asked(pb.QuerySpendRequest, period={"start_time": {"seconds": 9}}), "period"),
        ("GetStatement", pb.GetStatementRequest(month="2026-13"), "month"),
        ("GetStatement", pb.GetStatementRequest(month="0000-01"), "month"),
        ("ExportAttempts", pb.ExportAttemptsRequest(page_token="?"), "page_token"),
        ("ExportAttempts", pb.ExportAttemptsRequest(page_token="AAAA"), "page_token"),
        ("ListBudgets", pb.ListBudgetsRequest(page_token="?"), "page_token"),
        (
            "RepriceSpend",
            asked(
                pb.RepriceSpendRequest,
                **{"from": {"provider": "sim", "model": "a"}, "to": {"provider": "x", "model": "a"}},
            ),
            "to.provider",
        ),
    ],
)
def test_what_is_wrong_with_a_question_is_told_by_its_field(told: Told, method: str, request_: Any, field: str) -> None:
    outcome = told.refused(method, request_)
    assert outcome.code is grpc.StatusCode.INVALID_ARGUMENT
    request = outcome.detail(error_details_pb2.BadRequest)
    assert [one.field for one in request.field_violations] == [field]


def test_a_model_without_a_price_cannot_be_compared_with(told: Told) -> None:
    models = {"from": {"provider": "sim", "model": "gpt-4o-mini"}, "to": {"provider": "sim", "model": "unheard-of"}}
    outcome = told.refused("RepriceSpend", asked(pb.RepriceSpendRequest, **models))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND")


def test_without_a_ledger_only_limits_are_told(door: Door) -> None:
    request = pb.GetCallRequest(call_id="x")
    outcome = door.caller.unary(f"{SERVICE}/GetCall", request, bytes)
    assert outcome.code is grpc.StatusCode.UNIMPLEMENTED
    answer = door.caller.unary(
        f"{SERVICE}/ListBudgets", pb.ListBudgetsRequest(), pb.ListBudgetsResponse.FromString
    ).message
    assert list(answer.budgets) == []


def test_tokens_are_counted_for_each_candidate(door: Door) -> None:
    request = CountTokensRequest(chat=chat("fast", "word " * 400))
    (found,) = door.caller.unary(COUNT_TOKENS, request, CountTokensResponse.FromString).message.candidates
    assert (found.provider, found.model) == ("sim", "gpt-4o-mini")
    assert 400 <= found.expected_input_tokens <= 600
    assert found.expected_input_tokens < 2_000 <= found.upper_bound_input_tokens
    assert found.expected_free_tokens == found.context_tokens - found.expected_input_tokens > 0


async def test_both_clients_count_tokens(door: Door) -> None:
    target = door.stack.target
    with Client(target) as client:
        (found,) = client.count_tokens(chat("fast", "hi"))
        assert client.count_tokens(embedding("embed-small", "hi"))[0].model == "text-embedding-3-small"
    async with AsyncClient(target) as other:
        assert await other.count_tokens(CountTokensRequest(chat=chat("fast", "hi"))) == [found]


def test_limits_and_what_is_left_of_them_are_listed(start_router: StartRouter) -> None:
    quotas = [
        {"name": "each", "by": ["tenant"], "limits": [{"requests": 100, "per": "day"}, {"usd": 5, "per": "month"}]}
    ]
    with start_router(quotas=quotas) as running:
        target = running.addresses["grpc"]
        with Client(target) as client:
            cost = client.complete(chat("fast", "hi", max_output_tokens=9)).cost_picos
        with UsageClient(target, timeout=30) as asking:
            money, requests = sorted(asking.list_budgets(), key=lambda one: one.window, reverse=True)
        result = CliRunner().invoke(build(), ["budgets"], env={"HEDGEROW_TARGET": target, "COLUMNS": "200"})
    assert (requests.name, dict(requests.scope), requests.window) == ("each", {"tenant": "default"}, "day")
    assert (requests.counts.limit, requests.counts.used, requests.counts.held, requests.counts.left) == (100, 1, 0, 99)
    assert (money.sums.limit.units, money.sums.used.picos) == (5, cost)
    assert (money.sums.left.units, money.sums.left.picos) == (4, 10**12 - cost)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert [line.split()[:4] for line in lines[1:]] == [
        ["each", "tenant=default", "requests", "day"],
        ["each", "tenant=default", "usd", "month"],
    ]


def test_tokens_of_a_batch_count_as_what_they_are(door: Door) -> None:
    spec = EmbedSpec(model="embed-small", inputs=[EmbedInput(text="four score and seven years ago")])
    (found,) = door.caller.unary(
        COUNT_TOKENS, CountTokensRequest(embed=spec), CountTokensResponse.FromString
    ).message.candidates
    assert 0 < found.expected_input_tokens < found.upper_bound_input_tokens


def test_the_verb_spend_prints_a_row_for_each_team_a_bar_and_the_total(told: Told) -> None:
    result = told.run("spend", "--by", "tenant", "--by", "team", token=told.finance)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["TENANT", "TEAM", "CALLS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST", "OVERHEAD"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["acme", "search", "4"],
        ["globex", "search", "1"],
        ["total", "5", "1"],
    ]
    assert lines[1].count("█") > lines[2].count("█") > 0


def test_the_verb_spend_prints_the_answer_as_json(told: Told) -> None:
    result = told.run("spend", "--by", "team", "--where", "label:feature=chat", "--json")
    answer = json.loads(result.stdout)
    assert [row["keys"] for row in answer["rows"]] == [["search"]]
    assert answer["total"]["calls_count"] == "2"


def test_the_verb_call_tells_what_became_of_a_call(told: Told) -> None:
    result = told.run("call", told.failed)
    assert result.exit_code == 0
    for piece in (
        "UNAVAILABLE PROVIDER_UNAVAILABLE",
        "tenant acme",
        "all/sim-500 -> sim/sim-500",
        "HTTP 500",
        "unbilled",
    ):
        assert piece in result.stdout
    unknown = told.run("call", "nobodys")
    assert (unknown.exit_code, "CALL_NOT_FOUND" in unknown.stderr) == (1, True)


def test_the_verb_whatif_prints_both_costs_and_how_both_went(told: Told) -> None:
    result = told.run("whatif", "--from", "sim/gpt-4o-mini", "--to", "sim/gpt-4o")
    assert result.exit_code == 0
    assert "input_uncached_tokens" in result.stdout
    assert "3 attempts cost" in result.stdout
    assert [line.split()[:2] for line in result.stdout.splitlines()[-2:]] == [
        ["sim/gpt-4o-mini", "3"],
        ["sim/gpt-4o", "0"],
    ]


def test_the_verb_statement_prints_teams_and_their_total(told: Told) -> None:
    with told.usage(told.acme) as client:
        month = client.get_call(told.failed).call.start_time.ToDatetime().strftime("%Y-%m")
    result = told.run("statement", "--month", month, "--json")
    answer = json.loads(result.stdout)
    assert [(line["tenant"], line["team"]) for line in answer["lines"]] == [("acme", "search")]
    assert int(answer["total"]["sum"]["cost"]["picos"]) == told.picos["acme"]


@pytest.mark.parametrize("form", ["csv", "focus"])
def test_the_verb_export_writes_every_attempt_with_its_exact_cost(told: Told, form: str) -> None:
    result = told.run("export", "--format", form)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    costs = [row["cost_usd" if form == "csv" else "BilledCost"] for row in rows]
    assert len(rows) == 4
    assert sum(round(float(cost) * 10**12) for cost in costs) == told.picos["acme"]


def test_the_verb_export_writes_json_lines(told: Told) -> None:
    lines = [json.loads(line) for line in told.run("export", "--format", "jsonl").stdout.splitlines()]
    assert {line["call"]["tenant"] for line in lines} == {"acme"}
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["spend", "--by", "colour"], "'colour' is no division"),
        (["spend", "--since", "yesterday"], "'yesterday' is no time"),
        (["spend", "--where", "team"], "say NAME=VALUE"),
        (["spend", "--since", "1h", "--until", "2h"], "is not before"),
        (["whatif", "--from", "gpt-4o", "--to", "sim/x"], "say PROVIDER/MODEL"),
    ],
)
def test_words_that_mean_nothing_are_told_before_anything_is_asked(told: Told, line: list[str], said: str) -> None:
    result = told.run(*line)
    assert (result.exit_code, said in result.stderr) == (1, True)
