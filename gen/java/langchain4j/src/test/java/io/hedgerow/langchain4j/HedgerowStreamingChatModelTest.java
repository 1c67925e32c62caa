package io.hedgerow.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialToolCall;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import io.hedgerow.client.BrokenStreamException;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.common.v1.RoutePolicy;
import io.hedgerow.errors.v1.ErrorReason;
import io.hedgerow.testing.Answer;
import io.hedgerow.testing.FakeGateway;
import io.hedgerow.testing.Fault;
import io.hedgerow.testing.RecordedCall;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class HedgerowStreamingChatModelTest {
  private FakeGateway gateway;
  private StreamingChatModel model;

  @BeforeEach
  void start() {
    gateway = FakeGateway.start();
    model = HedgerowStreamingChatModel.builder().client(gateway.client()).modelName("fast").build();
  }

  @AfterEach
  void close() {
    gateway.close();
  }

  /** Writes down what it is told. */
  private static class Notes implements StreamingChatResponseHandler {
    final List<String> told = new CopyOnWriteArrayList<>();
    final CountDownLatch ended = new CountDownLatch(1);
    volatile ChatResponse response;
    volatile Throwable failure;

    @Override
    public void onPartialResponse(String text) {
      told.add(text);
    }

    @Override
    public void onPartialThinking(PartialThinking thinking) {
      told.add("thinks " + thinking.text());
    }

    @Override
    public void onPartialToolCall(PartialToolCall call) {
      told.add("calls " + call.index() + " " + call.id() + " " + call.name() + " " + call.partialArguments());
    }

    @Override
    public void onCompleteToolCall(CompleteToolCall call) {
      told.add("called " + call.index() + " " + call.toolExecutionRequest().arguments());
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      this.response = response;
      ended.countDown();
    }

    @Override
    public void onError(Throwable failure) {
      this.failure = failure;
      ended.countDown();
    }

    void awaitEnd() throws InterruptedException {
      assertTrue(ended.await(10, TimeUnit.SECONDS), "the answer does not end");
    }
  }

  private Notes chat(Answer answer) throws InterruptedException {
    Notes notes = new Notes();
    gateway.enqueue(answer);
    model.chat("hi", notes);
    notes.awaitEnd();
    return notes;
  }

  @Test
  void theTextComesInPiecesAndThenTheAnswer() throws Exception {
    Notes notes = chat(Answer.text("Hel", "lo").usage(7, 3));
    assertEquals(List.of("Hel", "lo"), notes.told);
    assertEquals("Hello", notes.response.aiMessage().text());
    assertEquals(7, notes.response.tokenUsage().inputTokenCount());
    assertEquals(FinishReason.STOP, notes.response.finishReason());
    assertNull(notes.failure);
  }

  @Test
  void thoughtsAndToolCallsComeInPieces() throws Exception {
    Notes notes =
        chat(
            Answer.empty()
                .reasoning("hm")
                .toolCall("c1", "weather", "{\"city\":", "\"Rome\"}")
                .toolCall("c2", "now"));
    assertEquals(
        List.of(
            "thinks hm",
            "calls 0 c1 weather {\"city\":",
            "calls 0 c1 weather \"Rome\"}",
            "called 0 {\"city\":\"Rome\"}",
            "called 1 {}"),
        notes.told);
    assertEquals(FinishReason.TOOL_EXECUTION, notes.response.finishReason());
    assertEquals(2, notes.response.aiMessage().toolExecutionRequests().size());
  }

  @Test
  void theAnswerIsTheOneThatTheUnaryModelGives() throws Exception {
    Answer answer = Answer.empty().reasoning("hm").thenText("Hello").toolCall("c", "f", "{}");
    Notes notes = chat(answer);
    gateway.enqueue(answer);
    assertEquals(
        HedgerowChatModel.builder()
            .client(gateway.client())
            .modelName("fast")
            .build()
            .chat(UserMessage.from("hi")),
        notes.response);
  }

  @Test
  void aCutAnswerIsAnErrorAndNeverComplete() throws Exception {
    Notes notes = chat(Answer.text("almost").thenFault(Fault.of(ErrorReason.ERROR_REASON_STREAM_CUT)));
    assertEquals(List.of("almost"), notes.told);
    assertNull(notes.response);
    InternalServerException e = assertInstanceOf(InternalServerException.class, notes.failure);
    assertEquals(
        ErrorReason.ERROR_REASON_STREAM_CUT, assertInstanceOf(HedgerowException.class, e.getCause()).getReason());
  }

  @Test
  void aStreamWithoutCompletedIsAnErrorAndNeverComplete() throws Exception {
    Notes notes = chat(Answer.text("almost").withoutCompleted());
    assertNull(notes.response);
    assertInstanceOf(BrokenStreamException.class, notes.failure.getCause());
  }

  @Test
  void theHandleOfAPieceCancelsTheCall() throws Exception {
    Notes notes =
        new Notes() {
          @Override
          public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
            told.add(piece.text());
            context.streamingHandle().cancel();
            assertTrue(context.streamingHandle().isCancelled());
          }
        };
    gateway.enqueue(Answer.text("a", "b").thenSilence());
    model.chat("hi", notes);
    RecordedCall call = awaitCall();
    assertTrue(call.awaitEnd(Duration.ofSeconds(10)));
    assertTrue(call.isCancelled());
    assertEquals(List.of("a"), notes.told);
    assertFalse(notes.ended.await(50, TimeUnit.MILLISECONDS));
  }

  private RecordedCall awaitCall() throws InterruptedException {
    long giveUp = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (gateway.calls().isEmpty() && System.nanoTime() < giveUp) {
      Thread.sleep(5);
    }
    return gateway.calls().get(0);
  }

  @Test
  void aHandlerThatThrowsIsToldSoAndEndsTheCall() throws Exception {
    RuntimeException bug = new IllegalStateException("a bug of the handler");
    Notes notes =
        new Notes() {
          @Override
          public void onPartialResponse(String text) {
            throw bug;
          }
        };
    gateway.enqueue(Answer.text("a").thenSilence());
    model.chat("hi", notes);
    notes.awaitEnd();
    assertSame(bug, notes.failure);
    assertTrue(awaitCall().awaitEnd(Duration.ofSeconds(10)));
  }

  @Test
  void whatCannotBeTakenBackIsNotAllowed() {
    HedgerowStreamingChatModel.Builder builder =
        HedgerowStreamingChatModel.builder()
            .client(gateway.client())
            .route(RoutePolicy.newBuilder().setAllowRouteChange(true).build());
    assertThrows(IllegalArgumentException.class, builder::build);
  }
}
