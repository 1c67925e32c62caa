package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.client.Prompts;
import io.hedgerow.errors.v1.ErrorReason;
import io.hedgerow.testing.Answer;
import io.hedgerow.testing.FakeGateway;
import io.hedgerow.testing.Fault;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every snippet does what the text beside it says. */
@Timeout(30)
class ExamplesTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private FakeGateway gateway;

  @BeforeEach
  void start() {
    gateway = FakeGateway.start();
  }

  @AfterEach
  void close() {
    gateway.close();
  }

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8).strip();
  }

  @Test
  void theFirstCallPrintsTheAnswer() {
    try (FakeGateway listening = FakeGateway.listen()) {
      listening.enqueue("Rayleigh.");
      Chats.first(listening.target(), out);
    }
    assertEquals("Rayleigh.", printed());
  }

  @Test
  void theStreamPrintsThePiecesAndGivesTheMessage() {
    gateway.enqueue(Answer.text("Ray", "leigh."));
    assertEquals("Rayleigh.", Chats.stream(gateway.client(), out).getContent(0).getText());
    assertEquals("Rayleigh.", printed());
  }

  @Test
  void eachFailureIsToldApart() {
    Fault quota = Fault.of(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED).retryAfter(Duration.ofSeconds(3));
    gateway.enqueue(
        Answer.text("Rayleigh."),
        Answer.text("Ray").finish(FinishReason.FINISH_REASON_LENGTH).usage(1, 7),
        Answer.refusal("No."),
        Answer.fault(quota),
        Answer.fault(Fault.of(ErrorReason.ERROR_REASON_CONTEXT_TOO_LONG)),
        Answer.fault(Fault.of(ErrorReason.ERROR_REASON_INTERNAL)));
    for (String expected :
        List.of(
            "Rayleigh.",
            "cut at 7 tokens",
            "refused: No.",
            "again in 3 s",
            "too long",
            "INTERNAL, request fake-6")) {
      assertEquals(expected, Chats.failures(gateway.client(), "Why?"));
    }
  }

  @Test
  void theFutureHasTheText() throws Exception {
    gateway.enqueue("Rayleigh.");
    assertEquals("Rayleigh.", Chats.async(gateway.client()).get(10, TimeUnit.SECONDS));
  }

  @Test
  void theSubscriberPrintsThePieces() throws Exception {
    gateway.enqueue(Answer.text("Ray", "leigh."));
    Chats.print(gateway.client(), out).get(10, TimeUnit.SECONDS);
    assertEquals("Rayleigh.", printed());
  }

  @Test
  void eachQuestionHasItsAnswerInOrder() throws Exception {
    gateway.otherwise(chat -> Answer.text("on " + chat.getMessages(0).getContent(0).getText()));
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      assertEquals(List.of("on a", "on b", "on c"), Chats.all(gateway.client(), List.of("a", "b", "c"), threads));
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void theAnswerIsARecord() {
    gateway.enqueue("{\"city\": \"Rome\", \"country\": \"Italy\", \"population\": null}");
    assertEquals(
        new Places.Place("Rome", "Italy", Optional.empty()),
        Places.find(gateway.client(), "Where is the Colosseum?"));
  }

  @Test
  void langChain4jAsksTheGateway() throws Exception {
    gateway.enqueue("one", "two");
    assertEquals("one", Assistants.model(gateway.client()).chat("hi"));
    CompletableFuture<ChatResponse> response = new CompletableFuture<>();
    Assistants.streaming(gateway.client())
        .chat(
            "hi",
            new StreamingChatResponseHandler() {
              @Override
              public void onCompleteResponse(ChatResponse whole) {
                response.complete(whole);
              }

              @Override
              public void onError(Throwable failure) {
                response.completeExceptionally(failure);
              }
            });
    assertEquals("two", response.get(10, TimeUnit.SECONDS).aiMessage().text());
    assertTrue(gateway.calls().stream().allMatch(call -> call.getChat().getModel().equals("fast")));
    assertEquals(Prompts.user("hi"), gateway.calls().get(0).getChat().getMessages(0));
  }
}
