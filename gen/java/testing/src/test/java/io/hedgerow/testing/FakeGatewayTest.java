package io.hedgerow.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Message;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.hedgerow.chat.v1.ChatServiceGrpc;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.Answers;
import io.hedgerow.client.BrokenStreamException;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.EmbedStream;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.client.Prompts;
import io.hedgerow.embed.v1.EmbedInput;
import io.hedgerow.embed.v1.EmbedRequest;
import io.hedgerow.embed.v1.EmbedSpec;
import io.hedgerow.embed.v1.StreamEmbedItem;
import io.hedgerow.embed.v1.StreamEmbedOptions;
import io.hedgerow.errors.v1.ErrorReason;
import io.hedgerow.router.v1.CountTokensRequest;
import io.hedgerow.router.v1.ListModelsRequest;
import io.hedgerow.router.v1.ListModelsResponse;
import io.hedgerow.router.v1.Model;
import io.hedgerow.router.v1.RouterServiceGrpc;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class FakeGatewayTest {
  private FakeGateway gateway;

  @BeforeEach
  void start() {
    gateway = FakeGateway.start();
  }

  @AfterEach
  void close() {
    gateway.close();
  }

  private static CompleteRequest request() {
    return Prompts.complete("fast", Prompts.user("hi"));
  }

  private ChatStream stream() {
    return gateway.client().stream(Prompts.stream("fast", Prompts.user("hi")));
  }

  private static Status.Code code(HedgerowException e) {
    return e.getCode();
  }

  @Test
  void answersAreGivenInTheirOrder() {
    gateway.enqueue("one", "two");
    assertEquals("one", Answers.text(gateway.client().complete(request())));
    assertEquals("two", Answers.text(gateway.client().complete(request())));
    assertEquals(0, gateway.remaining());
  }

  @Test
  void aStreamFoldsToTheUnaryAnswer() {
    Answer answer = Answer.empty().reasoning("hm").thenText("It ", "is.").toolCall("c", "f", "{}").cost(5);
    gateway.enqueue(answer, answer);
    CompleteResponse unary = gateway.client().complete(request());
    try (ChatStream events = stream()) {
      assertEquals(unary, events.collect());
      assertEquals(unary.getUsage(), events.getTrailers().getReport().orElseThrow().getUsage());
    }
  }

  @Test
  void eachPieceIsAnEvent() {
    gateway.enqueue(Answer.text("a", "b", "c"));
    List<String> pieces = new ArrayList<>();
    try (ChatStream events = stream()) {
      events.forEach(
          event -> {
            if (event.hasTextDelta()) {
              pieces.add(event.getTextDelta().getText());
            }
          });
    }
    assertEquals(List.of("a", "b", "c"), pieces);
  }

  @Test
  void withoutAnAnswerTheCallSaysWhatToDo() {
    HedgerowException e = assertThrows(HedgerowException.class, () -> gateway.client().complete(request()));
    assertEquals(Status.Code.FAILED_PRECONDITION, e.getCode());
    assertTrue(e.getDescription().contains("enqueue"), e.getDescription());
  }

  @Test
  void otherwiseTheAnswerMayDependOnTheConversation() {
    gateway.enqueue("first").otherwise(chat -> Answer.text("for " + chat.getModel()));
    assertEquals("first", Answers.text(gateway.client().complete(request())));
    assertEquals("for fast", Answers.text(gateway.client().complete(request())));
  }

  @Test
  void theConnectionIsLostInTheMiddleOfAStream() {
    gateway.enqueue(Answer.text("al", "most").cut());
    try (ChatStream events = stream()) {
      HedgerowException e = assertThrows(HedgerowException.class, events::collect);
      assertEquals(Status.Code.UNAVAILABLE, code(e));
      assertTrue(e.getRequestId().isEmpty(), "a lost connection has no trailers");
      assertEquals("almost", events.partial().getMessage().getContent(0).getText());
    }
  }

  @Test
  void aStreamThatEndsWithoutCompletedIsBrokenForTheClient() {
    gateway.enqueue(Answer.text("almost").withoutCompleted());
    try (ChatStream events = stream()) {
      assertThrows(BrokenStreamException.class, events::collect);
    }
  }

  @Test
  void aFaultAfterSomeContentHasItsReason() {
    gateway.enqueue(Answer.text("almost").thenFault(Fault.of(ErrorReason.ERROR_REASON_STREAM_CUT)));
    try (ChatStream events = stream()) {
      HedgerowException e = assertThrows(HedgerowException.class, events::collect);
      assertEquals(ErrorReason.ERROR_REASON_STREAM_CUT, e.getReason());
      assertEquals("almost", events.partial().getMessage().getContent(0).getText());
    }
  }

  @Test
  void anUnaryCallNeverGetsPartOfAnAnswer() {
    gateway.enqueue(
        Answer.text("almost").cut(),
        Answer.text("almost").thenFault(Fault.of(ErrorReason.ERROR_REASON_STREAM_CUT)),
        Answer.text("almost").withoutCompleted());
    for (int i = 0; i < 3; i++) {
      assertThrows(HedgerowException.class, () -> gateway.client().complete(request()));
    }
  }

  @Test
  void silenceLastsUntilTheDeadline() throws Exception {
    gateway.enqueue(Answer.silence(), Answer.text("a").thenSilence());
    HedgerowClient hasty = gateway.client().withDeadline(Duration.ofMillis(100));
    assertEquals(
        Status.Code.DEADLINE_EXCEEDED,
        code(assertThrows(HedgerowException.class, () -> hasty.complete(request()))));
    try (ChatStream events = hasty.stream(Prompts.stream("fast"))) {
      assertEquals(
          Status.Code.DEADLINE_EXCEEDED, code(assertThrows(HedgerowException.class, events::collect)));
      assertEquals("a", events.partial().getMessage().getContent(0).getText());
    }
  }

  @Test
  void aSlowStreamPausesBeforeEachEvent() {
    gateway.enqueue(Answer.text("a", "b").every(Duration.ofMillis(20)));
    long begun = System.nanoTime();
    try (ChatStream events = stream()) {
      events.collect();
    }
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
    assertTrue(millis >= 4 * 20, "4 events came within " + millis + " ms");
  }

  @Test
  void aSlowUnaryCallTakesAsLongAsItsStream() {
    gateway.enqueue(Answer.text("a", "b").every(Duration.ofMillis(20)));
    long begun = System.nanoTime();
    gateway.client().complete(request());
    assertTrue(System.nanoTime() - begun >= TimeUnit.MILLISECONDS.toNanos(4 * 20));
  }

  @Test
  void aReaderWhoLeavesIsSeen() throws Exception {
    gateway.enqueue(Answer.text("a").thenSilence());
    try (ChatStream events = stream()) {
      events.iterator().next();
      assertFalse(gateway.calls().get(0).isCancelled());
    }
    RecordedCall call = gateway.calls().get(0);
    assertTrue(call.awaitEnd(Duration.ofSeconds(10)));
    assertTrue(call.isCancelled());
  }

  @Test
  void aCallThatEndedWellIsNotCancelled() throws Exception {
    gateway.enqueue("a");
    gateway.client().complete(request());
    assertTrue(gateway.calls().get(0).awaitEnd(Duration.ofSeconds(10)));
    assertFalse(gateway.calls().get(0).isCancelled());
  }

  @Test
  void whatWasAskedIsKept() {
    gateway.enqueue("a", "b");
    gateway.client().complete(request());
    try (ChatStream events = stream()) {
      events.collect();
    }
    RecordedCall unary = gateway.calls().get(0);
    assertEquals(ChatServiceGrpc.getCompleteMethod().getFullMethodName(), unary.getMethod());
    assertEquals(request(), unary.getRequest(CompleteRequest.class));
    assertEquals(request().getChat(), gateway.calls().get(1).getChat());
    assertThrows(IllegalStateException.class, () -> unary.getRequest(EmbedRequest.class));
  }

  @Test
  void eventsWaitForTheSubscriberThatRequestsThem() throws Exception {
    gateway.enqueue(Answer.text("a", "b", "c"));
    List<StreamCompleteResponse> seen = new ArrayList<>();
    CountDownLatch completed = new CountDownLatch(1);
    gateway
        .client()
        .publish(Prompts.stream("fast"))
        .subscribe(
            new Flow.Subscriber<>() {
              private Flow.Subscription subscription;

              @Override
              public void onSubscribe(Flow.Subscription subscription) {
                this.subscription = subscription;
                subscription.request(1);
              }

              @Override
              public void onNext(StreamCompleteResponse event) {
                seen.add(event);
                subscription.request(1);
              }

              @Override
              public void onError(Throwable failure) {}

              @Override
              public void onComplete() {
                completed.countDown();
              }
            });
    assertTrue(completed.await(10, TimeUnit.SECONDS));
    assertEquals(5, seen.size());
  }

  @Test
  void inputsHaveTheVectorsThatTheTestSays() {
    gateway.vectors(input -> new float[] {input.getText().length()});
    EmbedSpec spec =
        EmbedSpec.newBuilder()
            .setModel("embed")
            .addInputs(EmbedInput.newBuilder().setText("a"))
            .addInputs(EmbedInput.newBuilder().setText("abc"))
            .build();
    List<Float> lengths =
        gateway.client().embed(EmbedRequest.newBuilder().setEmbed(spec).build()).getEmbeddingsList().stream()
            .map(embedding -> embedding.getValues(0))
            .toList();
    assertEquals(List.of(1f, 3f), lengths);
  }

  @Test
  void withoutAScriptTheSameInputHasTheSameVectorAndAnotherAnother() {
    EmbedSpec spec =
        EmbedSpec.newBuilder()
            .addInputs(EmbedInput.newBuilder().setText("a"))
            .addInputs(EmbedInput.newBuilder().setText("b"))
            .addInputs(EmbedInput.newBuilder().setText("a"))
            .build();
    var vectors = gateway.client().embed(EmbedRequest.newBuilder().setEmbed(spec).build()).getEmbeddingsList();
    assertEquals(vectors.get(0), vectors.get(2));
    assertNotEquals(vectors.get(0), vectors.get(1));
  }

  @Test
  void aStreamOfInputsIsAnsweredOneByOne() {
    List<String> ids = new ArrayList<>();
    try (EmbedStream results =
        gateway
            .client()
            .streamEmbed(
                StreamEmbedOptions.newBuilder().setModel("embed").build(),
                IntStream.range(0, 100)
                    .mapToObj(
                        i ->
                            StreamEmbedItem.newBuilder()
                                .setId("id-" + i)
                                .setInput(EmbedInput.newBuilder().setText("text"))
                                .build())
                    .iterator())) {
      results.forEach(result -> ids.add(result.getId()));
    }
    assertEquals(IntStream.range(0, 100).mapToObj(i -> "id-" + i).toList(), ids);
    List<Message> requests = gateway.calls().get(0).getRequests();
    assertEquals(101, requests.size());
  }

  @Test
  void theModelsAreThoseOfTheTest() {
    gateway.models("fast", "smart");
    ListModelsResponse page = gateway.client().listModels(ListModelsRequest.getDefaultInstance());
    assertEquals(List.of("fast", "smart"), page.getModelsList().stream().map(Model::getName).toList());
  }

  @Test
  void whatIsNotFakedIsUnimplemented() {
    StatusRuntimeException e =
        assertThrows(
            StatusRuntimeException.class,
            () ->
                RouterServiceGrpc.newBlockingStub(gateway.channel())
                    .countTokens(CountTokensRequest.getDefaultInstance()));
    assertEquals(Status.Code.UNIMPLEMENTED, e.getStatus().getCode());
  }

  @Test
  void everyCallHasAnId() {
    gateway.enqueue(Answer.fault(Fault.of(ErrorReason.ERROR_REASON_INTERNAL)));
    HedgerowException e = assertThrows(HedgerowException.class, () -> gateway.client().complete(request()));
    assertEquals("fake-1", e.getRequestId().orElseThrow());
  }

  @Test
  void aGatewayThatListensIsReachedOverTheNetwork() {
    try (FakeGateway listening = FakeGateway.listen()) {
      listening.enqueue("over TCP");
      assertEquals("over TCP", Answers.text(listening.client().complete(request())));
      assertTrue(listening.target().matches("127\\.0\\.0\\.1:\\d+"), listening.target());
    }
    assertThrows(IllegalStateException.class, gateway::target);
  }
}
