"""The fake gateway that users of the client test with: what a caller sees is what the real gateway would send."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import MessageToJson
from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1.chat_service_pb2 import CompleteRequest, CompleteResponse, StreamCompleteResponse
from hedgerow.chat.v1.message_pb2 import (
    Audio,
    ChatSpec,
    Citation,
    File,
    Image,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    TokenLogprob,
    ToolResult,
)
from hedgerow.common.v1.usage_pb2 import Usage
from hedgerow.router.v1.router_service_pb2 import MODEL_KIND_EMBED, CountTokensResponse, Model, TokenCount
from hedgerow_client import (
    AsyncClient,
    CallError,
    Client,
    DeadlineExceededError,
    IncompleteStreamError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    chat,
    embedding,
    from_status,
    item,
)
from hedgerow_client.testing import Answer, FakeGateway, Fault, Recording, RecordingError, Request, tool_call

ASK = chat("fast", "Hi")


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as running:
        yield running


@pytest.fixture
def client(gateway: FakeGateway) -> Iterator[Client]:
    with Client(gateway.target, timeout=20) as open_client:
        yield open_client


def text_of(answer: CompleteResponse) -> str:
    return "".join(part.text for part in answer.message.content)


def kinds(events: list[StreamCompleteResponse]) -> list[str | None]:
    return [event.WhichOneof("event") for event in events]


def test_without_a_script_chats_are_greeted(client: Client) -> None:
    assert text_of(client.complete(ASK)) == "Hello from the fake gateway."


def test_steps_are_taken_in_order_and_the_last_one_stays(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer("one"), Answer("two"))
    assert [text_of(client.complete(ASK)) for _ in range(3)] == ["one", "two", "two"]


def test_a_model_may_have_a_script_of_its_own(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer("other"), model="other")
    assert text_of(client.complete(chat("other", "Hi"))) == "other"
    assert text_of(client.complete(ASK)) != "other"


def test_a_step_may_be_made_of_the_request(gateway: FakeGateway, client: Client) -> None:
    gateway.script(lambda request: Answer(f"{request.model} heard {request.text}"))
    assert text_of(client.complete(ASK)) == "fast heard Hi"


def test_a_stream_is_numbered_begins_with_started_and_ends_with_completed(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer("Hello there", chunk_characters=4))
    events = list(client.stream(ASK))
    assert kinds(events) == ["started", "text_delta", "text_delta", "text_delta", "completed"]
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]


def test_a_sequence_of_texts_is_the_deltas_themselves(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer(["Hel", "lo ", "there"]))
    deltas = [event.text_delta.text for event in client.stream(ASK) if event.HasField("text_delta")]
    assert deltas == ["Hel", "lo ", "there"]


def test_the_unary_answer_is_the_fold_of_the_stream(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer("Hi", reasoning="Think.", tool_calls=[tool_call("f", {"a": 1})], cost_picos=7))
    assert client.complete(ASK) == client.stream(ASK).collect()


def test_every_kind_of_content_comes_back_as_it_was_given(gateway: FakeGateway, client: Client) -> None:
    state = ProviderState(provider="p", data=b"s")
    parts = [
        Part(reasoning=Reasoning(), provider_state=state),
        Part(text="said", citations=[Citation(url="https://example.com")], logprobs=[TokenLogprob(token="said")]),
        Part(provider_item=ProviderItem(provider="p", type="search", data=b"d")),
        Part(image=Image(media_type="image/png", data=b"\x89")),
        Part(audio=Audio(media_type="audio/wav", data=b"R", transcript="word")),
        Part(file=File(media_type="application/pdf", url="https://example.com/a.pdf")),
    ]
    gateway.script(Answer(parts=parts))
    assert list(client.stream(ASK).collect().message.content) == parts


def test_content_that_no_answer_has_is_refused() -> None:
    answer = Answer(parts=[Part(tool_result=ToolResult(tool_call_id="1"))])
    with pytest.raises(ValueError, match="no tool_result part"):
        answer.play(Request("Complete", CompleteRequest(chat=ASK), {}, None))


def test_tool_calls_end_with_their_finish_reason_and_have_ids(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer(tool_calls=[tool_call("a", {"x": "ö"}), tool_call("b", "{broken")]))
    answer = client.stream(ASK).collect()
    calls = [part.tool_call for part in answer.message.content]
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        ("call_1", "a", '{"x": "ö"}'),
        ("call_2", "b", "{broken"),
    ]
    assert answer.finish_reason == event_pb2.FINISH_REASON_TOOL_CALLS
    assert answer.native_finish_reason == "tool_calls"


def test_a_refusal_ends_with_its_finish_reason(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer(refusal="No."))
    answer = client.complete(ASK)
    assert (answer.message.content[0].refusal, answer.finish_reason) == ("No.", event_pb2.FINISH_REASON_REFUSAL)


def test_usage_is_what_the_answer_says_and_else_a_guess(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer("12345678", reasoning="1234"), Answer("x", usage=Usage(input_tokens=9, final=True)))
    guessed = client.complete(chat("fast", "1234")).usage
    assert (guessed.input_tokens, guessed.output_visible_tokens, guessed.output_reasoning_tokens) == (1, 2, 1)
    assert client.complete(ASK).usage == Usage(input_tokens=9, final=True)


def test_requests_are_kept_with_metadata_and_token(gateway: FakeGateway) -> None:
    with Client(gateway.target, token="secret", timeout=20) as client:
        client.complete(ASK, metadata=[("x-team", "search")])
    (request,) = gateway.requests
    assert (request.rpc, request.model, request.text, request.token) == ("Complete", "fast", "Hi", "secret")
    assert request.metadata["x-team"] == "search"
    assert request.timeout_s is not None
    assert 0 < request.timeout_s <= 20
    assert request.chat == ASK


def test_a_token_is_asked_for_where_one_is_set() -> None:
    with FakeGateway(token="right") as gateway:
        with Client(gateway.target, token="wrong") as client, pytest.raises(UnauthenticatedError) as caught:
            client.complete(ASK)
        assert caught.value.reason == "ERROR_REASON_UNAUTHENTICATED"
        with Client(gateway.target, token="right") as client:
            client.complete(ASK)


def test_a_model_that_is_not_there_is_not_found() -> None:
    with FakeGateway(models=["fast"]) as gateway, Client(gateway.target) as client:
        client.complete(ASK)
        with pytest.raises(NotFoundError) as caught:
            client.complete(chat("fsat", "Hi"))
    assert caught.value.metadata == {"model": "fsat"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (ChatSpec(messages=ASK.messages), "chat.model"),
        (ChatSpec(model="fast"), "chat.messages"),
        (ChatSpec(model="fast", messages=[Message(content=[Part(text="Hi")])]), "chat.messages[0].role"),
    ],
)
def test_what_the_contract_requires_is_required(client: Client, spec: ChatSpec, field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.complete(spec)
    assert [violation.field for violation in caught.value.field_violations] == [field]


FAULTS = [
    (Fault.quota("q"), ResourceExhaustedError, "QUOTA_EXCEEDED", timedelta(seconds=30), True),
    (Fault.budget("b"), ResourceExhaustedError, "BUDGET_SPENT", None, True),
    (Fault.guardrail("g"), PermissionDeniedError, "GUARDRAIL_BLOCKED", None, False),
    (Fault.unavailable(), UnavailableError, "PROVIDER_UNAVAILABLE", None, True),
    (Fault.invalid("chat.top_p"), InvalidArgumentError, "REQUEST_INVALID", None, False),
    (Fault.not_found("m"), NotFoundError, "MODEL_NOT_FOUND", None, False),
    (Fault.unauthenticated(), UnauthenticatedError, "UNAUTHENTICATED", None, False),
    (Fault.cut(), UnavailableError, "STREAM_CUT", None, True),
]


@pytest.mark.parametrize(("fault", "kind", "reason", "delay", "refused"), FAULTS, ids=[row[2] for row in FAULTS])
def test_a_fault_is_a_whole_status_unary_and_streamed(  # noqa: PLR0917  a row of the table
    gateway: FakeGateway,
    client: Client,
    fault: Fault,
    kind: type[CallError],
    reason: str,
    delay: timedelta | None,
    refused: bool,
) -> None:
    gateway.script(fault)
    with pytest.raises(kind) as unary:
        client.complete(ASK)
    with pytest.raises(kind) as streamed:
        client.stream(ASK).collect()
    for error in (unary.value, streamed.value):
        assert error.reason == f"ERROR_REASON_{reason}"
        assert (error.retry_delay, error.retry_refused) == (delay, refused)
        assert error.report is not None
        assert error.report.request_id == error.request_id != ""
    assert len(gateway.requests) == 2  # nothing was tried again


def test_a_status_that_no_gateway_has_made_has_no_details(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Fault.status(grpc.StatusCode.INTERNAL, "", "a proxy's words"))
    with pytest.raises(CallError) as caught:
        client.complete(ASK)
    assert (caught.value.reason, caught.value.message) == ("", "a proxy's words")


@pytest.mark.parametrize("fault", [Fault.overloaded(), Fault.unavailable(retry_delay_s=0.01)])
def test_clients_come_back_by_themselves_where_they_may(gateway: FakeGateway, client: Client, fault: Fault) -> None:
    gateway.script(fault, Answer("back"))
    assert text_of(client.complete(ASK)) == "back"
    assert len(gateway.requests) == 2


def test_a_fault_lasts_for_as_many_calls_as_it_says(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Fault.unavailable().times(2), Answer("ok"))
    for _ in range(2):
        with pytest.raises(UnavailableError):
            client.complete(ASK)
    assert text_of(client.complete(ASK)) == "ok"


def test_a_guardrail_may_end_an_answer_that_has_begun(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Fault.guardrail(side="output").after(2, of=Answer(["a", "b", "c"])))
    seen: list[str | None] = []
    with pytest.raises(PermissionDeniedError) as caught:
        seen.extend(event.WhichOneof("event") for event in client.stream(ASK))
    assert caught.value.metadata["side"] == "output"
    assert seen == ["started", "text_delta", "text_delta"]


def test_a_stream_without_its_closing_event_ends_with_ok(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Fault.incomplete(1, of=Answer(["all of it"])))
    with pytest.raises(IncompleteStreamError) as caught:
        client.stream(ASK).collect()
    assert caught.value.partial is not None
    assert text_of(caught.value.partial) == "all of it"


def test_a_unary_call_is_never_answered_in_part(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Fault.incomplete(of=Answer("all of it")))
    with pytest.raises(UnavailableError) as caught:
        client.complete(ASK)
    assert caught.value.reason == "ERROR_REASON_STREAM_CUT"


@pytest.mark.parametrize("fault", [Fault.stall(), Fault.stall(1)])
def test_a_stall_lasts_until_the_deadline(gateway: FakeGateway, client: Client, fault: Fault) -> None:
    gateway.script(fault)
    with pytest.raises(DeadlineExceededError):
        client.stream(ASK, timeout=0.2).collect()
    assert gateway.requests[0].wait_cancelled()


def test_a_caller_that_leaves_is_seen(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Fault.stall(1))
    with client.stream(ASK) as stream:
        next(stream)
    assert gateway.requests[0].wait_cancelled()


def test_a_whole_answer_is_not_cancelled(gateway: FakeGateway, client: Client) -> None:
    client.stream(ASK).collect()
    assert gateway.requests[0].wait_ended()
    assert not gateway.requests[0].cancelled


CALLS: dict[str, Callable[[Client], object]] = {
    "Complete": lambda client: client.complete(ASK),
    "StreamComplete": lambda client: client.stream(ASK).collect(),
    "Embed": lambda client: client.embed(embedding("e", "a")),
    "StreamEmbed": lambda client: client.stream_embed("e", [item("1", "a")]).collect(),
}


@pytest.mark.parametrize("rpc", CALLS)
def test_stopping_ends_calls_that_are_open(gateway: FakeGateway, client: Client, rpc: str) -> None:
    """And long before their deadline: the client's own second attempt finds nobody."""
    gateway.script(Fault.stall())

    def stop() -> None:
        gateway.wait_for_requests(1)
        gateway.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(UnavailableError):
        CALLS[rpc](client)
    stopper.join()


def test_slow_chunks_come_one_by_one(gateway: FakeGateway, client: Client) -> None:
    """The second delta would take an hour: that the first has come is seen before."""
    gateway.script(Answer(["first", "second"]).slow(chunk_s=0.05), Answer(["first", "second"]).slow(chunk_s=3600))
    assert text_of(client.stream(ASK).collect()) == "firstsecond"
    with client.stream(ASK) as stream:
        assert next(stream).HasField("started")
    assert gateway.requests[1].wait_cancelled()


def test_waiting_for_requests_that_never_come_ends(gateway: FakeGateway) -> None:
    with pytest.raises(TimeoutError, match="0 of 1"):
        gateway.wait_for_requests(1, timeout_s=0.01)


def test_a_recording_is_played_as_it_was(gateway: FakeGateway, client: Client, tmp_path: Path) -> None:
    gateway.script(Answer("Recorded", reasoning="so", tool_calls=[tool_call("f")]))
    events = list(client.stream(ASK))
    Recording.of(events).save(tmp_path / "one.jsonl")
    gateway.script(Recording.load(tmp_path / "one.jsonl"))
    assert list(client.stream(ASK)) == events
    assert text_of(client.complete(ASK)) == "Recorded"


def test_what_grpcurl_prints_is_a_recording(tmp_path: Path) -> None:
    """It is written by `grpcurl`: an object over several lines, 64-bit numbers as texts."""
    events = [
        StreamCompleteResponse(sequence=1, started=event_pb2.Started(provider="p")),
        StreamCompleteResponse(sequence=2, text_delta=event_pb2.TextDelta(text="{\n}")),
        StreamCompleteResponse(sequence=3, completed=event_pb2.Completed(usage=Usage(input_tokens=2**40))),
    ]
    path = tmp_path / "printed"
    path.write_text("\n".join(MessageToJson(event, indent=2) for event in events))
    assert list(Recording.load(path).events) == events


STARTED = StreamCompleteResponse(started=event_pb2.Started())
DELTA = StreamCompleteResponse(text_delta=event_pb2.TextDelta(text="x"))
DONE = StreamCompleteResponse(completed=event_pb2.Completed())


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ([], "expected `started`"),
        ([DELTA, DONE], "expected `started`"),
        ([STARTED, DELTA], "without its closing event"),
        ([STARTED, DONE, DELTA], "after the closing one"),
        ([STARTED, STARTED, DONE], "began twice"),
        ([StreamCompleteResponse(sequence=2, started=event_pb2.Started()), DONE], "event 2 came after event 0"),
    ],
)
def test_a_recording_that_breaks_the_contract_is_refused(events: list[StreamCompleteResponse], complaint: str) -> None:
    with pytest.raises(RecordingError, match=complaint):
        Recording.of(events)


def test_a_recording_that_is_no_json_says_where(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text('{"started": {}}\n{"completed": 3}')
    with pytest.raises(RecordingError, match="event 2"):
        Recording.load(tmp_path / "bad")


def test_the_same_text_has_the_same_vector_of_length_one(client: Client) -> None:
    first, second, again = client.embed(embedding("e", "a", "b", "a")).embeddings
    assert first == again != second
    assert sum(value * value for value in first.values) == pytest.approx(1)
    assert len(client.embed(embedding("e", "a", dimensions=3)).embeddings[0].values) == 3


def test_vectors_may_be_spelt_out(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer(vectors=[[1.0, 0.0], [0.0, 1.0]]))
    assert [list(one.values) for one in client.embed(embedding("e", "a", "b")).embeddings] == [[1, 0], [0, 1]]


def test_stream_embed_answers_each_input_and_closes(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Answer(failed_items={"2": Fault.invalid("input", "too long")}))
    stream = client.stream_embed("e", [item("1", "a"), item("2", "b"), item("3", "a")])
    answers = [message for message in stream if message.id]
    assert [message.WhichOneof("result") for message in answers] == ["embedding", "item_error", "embedding"]
    assert isinstance(from_status(answers[1].item_error), InvalidArgumentError)
    assert (stream.result.embedded_items_count, stream.result.failed_items_count) == (2, 1)
    assert [one.id for one in gateway.requests[0].items] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("fault", "kind"), [(Fault.quota(), ResourceExhaustedError), (Fault.incomplete(1), IncompleteStreamError)]
)
def test_faults_end_streams_of_inputs_too(
    gateway: FakeGateway, client: Client, fault: Fault, kind: type[Exception]
) -> None:
    gateway.script(fault.after(1))
    ids: list[str] = []
    with pytest.raises(kind):
        ids.extend(message.id for message in client.stream_embed("e", [item("1", "a"), item("2", "b")]))
    assert ids == ["", "1"]


def test_a_fault_ends_embed(gateway: FakeGateway, client: Client) -> None:
    gateway.script(Fault.quota())
    with pytest.raises(ResourceExhaustedError):
        client.embed(embedding("e", "a"))


def test_models_are_listed_by_name_and_kind() -> None:
    models: list[Model | str] = ["b", "a", Model(name="e", kind=MODEL_KIND_EMBED)]
    with FakeGateway(models=models) as gateway, Client(gateway.target) as client:
        assert [model.name for model in client.list_models()] == ["a", "b", "e"]
        assert [model.name for model in client.list_models(kind=MODEL_KIND_EMBED)] == ["e"]


def test_counts_are_what_the_test_has_said(gateway: FakeGateway, client: Client) -> None:
    with pytest.raises(CallError) as caught:
        client.count_tokens(ASK)
    assert caught.value.reason == "ERROR_REASON_RPC_UNKNOWN"
    gateway.reply(CountTokensResponse(candidates=[TokenCount(provider="p")]))
    assert [count.provider for count in client.count_tokens(ASK)] == ["p"]


def test_health_stops_and_resumes_the_calls_of_clients(gateway: FakeGateway, client: Client) -> None:
    client.complete(ASK)
    gateway.set_serving(False)
    with pytest.raises(UnavailableError):  # noqa: PT012  the client hears of it a moment later
        for _ in range(200):
            client.complete(ASK)
            threading.Event().wait(0.01)
    gateway.set_serving(True)


def test_it_says_where_it_is_only_while_it_runs() -> None:
    gateway = FakeGateway()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = gateway.target
    with gateway, pytest.raises(RuntimeError, match="once"):
        gateway.start()


async def test_asyncio_callers_are_served_alike() -> None:
    async with FakeGateway(Answer("Hello")) as gateway, AsyncClient(gateway.target, timeout=20) as client:
        answers = await asyncio.gather(*(client.complete(ASK) for _ in range(10)))
        streamed = await client.stream(ASK).collect()
    assert {text_of(answer) for answer in answers} == {"Hello"} == {text_of(streamed)}
