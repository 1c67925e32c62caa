package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.CallTrailers;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.common.v1.CallReport;
import io.hedgerow.common.v1.RoutePolicy;
import io.hedgerow.router.v1.ListModelsRequest;
import io.hedgerow.router.v1.Model;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@NeedsStack
@Timeout(60)
class ChatTest {
  private static Stack stack;

  @BeforeAll
  static void open() {
    stack = new Stack();
  }

  @AfterAll
  static void close() {
    stack.close();
  }

  @Test
  void anAnswerComesInOnePieceWithoutADeadline() {
    CompleteResponse answer = stack.client().complete(Stack.complete("fast"));
    assertEquals(Role.ROLE_ASSISTANT, answer.getMessage().getRole());
    assertFalse(answer.getMessage().getContent(0).getText().isEmpty());
    assertEquals(FinishReason.FINISH_REASON_STOP, answer.getFinishReason());
    assertTrue(answer.getUsage().getOutputTokens() > 0);
  }

  @Test
  void aStreamBeginsWithStartedAndEndsWithTheOneCompleted() {
    List<StreamCompleteResponse> seen = new ArrayList<>();
    try (ChatStream events = stack.client().stream(Stack.stream("fast"))) {
      events.forEach(seen::add);
    }
    assertTrue(seen.get(0).hasStarted());
    assertEquals(1, seen.stream().filter(StreamCompleteResponse::hasCompleted).count());
    assertTrue(seen.get(seen.size() - 1).hasCompleted());
  }

  @Test
  void aStreamFoldsToWhatTheUnaryCallAnswers() {
    CompleteResponse unary = stack.client().complete(Stack.complete("fast"));
    try (ChatStream events = stack.client().stream(Stack.stream("fast"))) {
      CompleteResponse streamed = events.collect();
      assertEquals(unary.getMessage(), streamed.getMessage());
      assertEquals(unary.getFinishReason(), streamed.getFinishReason());
      assertEquals(unary.getUsage(), streamed.getUsage());
    }
  }

  @Test
  void aRouteChangeLeavesTheSecondCandidatesAnswerAlone() {
    CompleteResponse unary = stack.client().complete(Stack.complete("fast"));
    StreamCompleteRequest request =
        Stack.stream("cut-then-fast").toBuilder().setRoute(RoutePolicy.newBuilder().setAllowRouteChange(true)).build();
    int before = 0;
    try (ChatStream events = stack.client().stream(request)) {
      for (StreamCompleteResponse event : events) {
        if (event.hasRouteChange()) {
          break;
        }
        before += event.hasTextDelta() ? 1 : 0;
      }
      CompleteResponse streamed = events.collect();
      assertTrue(before > 0);
      assertEquals(unary.getMessage(), streamed.getMessage());
      assertEquals(unary.getModel(), streamed.getModel());
    }
  }

  @Test
  void anAnswerCanBeAppendedToTheConversation() {
    Message answer;
    try (ChatStream events = stack.client().stream(Stack.stream("fast"))) {
      answer = events.collect().getMessage();
    }
    ChatSpec next =
        Stack.chat("fast").toBuilder()
            .addMessages(answer)
            .addMessages(
                Message.newBuilder().setRole(Role.ROLE_USER).addContent(Part.newBuilder().setText("And at dusk?")))
            .build();
    CompleteResponse second = stack.client().complete(CompleteRequest.newBuilder().setChat(next).build());
    assertEquals(FinishReason.FINISH_REASON_STOP, second.getFinishReason());
  }

  @Test
  void theTrailersOfAUnaryCallTellItsIdAndItsAttempts() throws Exception {
    CompletableFuture<CallTrailers> trailers = new CompletableFuture<>();
    HedgerowClient client =
        HedgerowClient.on(ClientInterceptors.intercept(stack.channel(), CallTrailers.interceptor(trailers::complete)));
    client.complete(Stack.complete("fast"));
    CallTrailers came = trailers.get(5, TimeUnit.SECONDS);
    CallReport report = came.getReport().orElseThrow();
    assertEquals(came.getRequestId().orElseThrow(), report.getRequestId());
    assertEquals(1, report.getAttemptsCount());
  }

  @Test
  void theTrailersOfAStreamTellItsIdAndItsAttempts() {
    try (ChatStream events = stack.client().stream(Stack.stream("fast"))) {
      CompleteResponse answer = events.collect();
      CallReport report = events.getTrailers().getReport().orElseThrow();
      assertEquals(events.getTrailers().getRequestId().orElseThrow(), report.getRequestId());
      assertEquals(answer.getUsage().getOutputTokens(), report.getUsage().getOutputTokens());
    }
  }

  @Test
  void theIdThatACallerGivesComesBack() {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER), "java-42");
    HedgerowClient client =
        HedgerowClient.on(
            ClientInterceptors.intercept(stack.channel(), MetadataUtils.newAttachHeadersInterceptor(headers)));
    try (ChatStream events = client.stream(Stack.stream("fast"))) {
      events.collect();
      assertEquals("java-42", events.getTrailers().getRequestId().orElseThrow());
    }
  }

  @Test
  void aCallThatIsRepeatedWithItsKeyIsAnsweredByTheKeptAnswer() {
    StreamCompleteRequest request =
        Stack.stream("fast").toBuilder().setIdempotencyKey(UUID.randomUUID().toString()).build();
    try (ChatStream first = stack.client().stream(request)) {
      CompleteResponse answer = first.collect();
      try (ChatStream again = stack.client().stream(request)) {
        assertEquals(answer, again.collect());
        CallReport report = again.getTrailers().getReport().orElseThrow();
        assertEquals(first.getTrailers().getRequestId().orElseThrow(), report.getReplayOf());
        assertEquals(0, report.getAttemptsCount());
      }
    }
  }

  @Test
  void theModelsAreListed() {
    List<String> names =
        stack.client().listModels(ListModelsRequest.newBuilder().setPageSize(1000).build()).getModelsList().stream()
            .map(Model::getName)
            .toList();
    assertTrue(names.contains("fast"), names.toString());
  }

  @Test
  void theExampleStreamsAnAnswerToTheTerminal() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ChatExample.chat(
        stack.client(), "fast", "Why is the sky blue?", new PrintStream(out, true, StandardCharsets.UTF_8));
    String expected = stack.client().complete(Stack.complete("fast")).getMessage().getContent(0).getText();
    assertTrue(out.toString(StandardCharsets.UTF_8).startsWith(expected), out.toString(StandardCharsets.UTF_8));
  }
}
