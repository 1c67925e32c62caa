package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.BadRequest;
import com.google.rpc.ResourceInfo;
import io.grpc.Status;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.errors.v1.ErrorReason;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@NeedsStack
@Timeout(60)
class ErrorTest {
  private static Stack stack;

  @BeforeAll
  static void open() {
    stack = new Stack();
  }

  @AfterAll
  static void close() {
    stack.close();
  }

  private static HedgerowException failureOf(CompleteRequest request) {
    return assertThrows(HedgerowException.class, () -> stack.client().complete(request));
  }

  @Test
  void anUnknownModelIsNamed() {
    HedgerowException e = failureOf(Stack.complete("fsat"));
    assertEquals(Status.Code.NOT_FOUND, e.getCode());
    assertEquals(ErrorReason.ERROR_REASON_MODEL_NOT_FOUND, e.getReason());
    assertEquals("fsat", e.getMetadata().get("model"));
    assertEquals("fsat", e.getDetail(ResourceInfo.class).orElseThrow().getResourceName());
    assertTrue(e.getRequestId().isPresent());
  }

  @Test
  void aTemperatureOutOfRangeIsNamed() {
    CompleteRequest request =
        CompleteRequest.newBuilder().setChat(Stack.chat("fast").toBuilder().setTemperature(9)).build();
    HedgerowException e = failureOf(request);
    assertEquals(Status.Code.INVALID_ARGUMENT, e.getCode());
    assertEquals(ErrorReason.ERROR_REASON_REQUEST_INVALID, e.getReason());
    assertEquals(
        List.of("chat.temperature"),
        e.getFieldViolations().stream().map(BadRequest.FieldViolation::getField).toList());
  }

  @ParameterizedTest
  @CsvSource({
    "fault-400, INVALID_ARGUMENT, ERROR_REASON_PROVIDER_REJECTED_REQUEST",
    "fault-401, UNAVAILABLE, ERROR_REASON_PROVIDER_AUTH",
    "fault-404, UNAVAILABLE, ERROR_REASON_PROVIDER_MODEL_UNAVAILABLE",
    "fault-429, UNAVAILABLE, ERROR_REASON_PROVIDER_THROTTLED",
    "fault-500, UNAVAILABLE, ERROR_REASON_PROVIDER_UNAVAILABLE",
    "fault-down, UNAVAILABLE, ERROR_REASON_PROVIDER_UNAVAILABLE",
    "fault-html, UNAVAILABLE, ERROR_REASON_UPSTREAM_PROTOCOL",
    "fault-cut, UNAVAILABLE, ERROR_REASON_STREAM_CUT",
    "fault-nofinish, UNAVAILABLE, ERROR_REASON_STREAM_CUT",
  })
  void aFaultOfTheProviderComesWithItsReason(String model, Status.Code code, ErrorReason reason) {
    try (ChatStream events = stack.client().stream(Stack.stream(model))) {
      HedgerowException e = assertThrows(HedgerowException.class, events::collect);
      assertEquals(code, e.getCode());
      assertEquals(reason, e.getReason());
      assertEquals(e.getRequestId(), e.getReport().map(report -> report.getRequestId()));
      assertTrue(e.getRequestId().isPresent());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"fault-401", "fault-cut"})
  void whatTheGatewayForbidsToRetryIsNotRetried(String model) {
    Stack.Trace trace = new Stack.Trace();
    try (ChatStream events = HedgerowClient.on(stack.traced(trace)).stream(Stack.stream(model))) {
      assertThrows(HedgerowException.class, events::collect);
    }
    assertEquals(1, stack.upstreamCalls(trace).size());
  }

  @Test
  void whatCameOfACutAnswerIsKeptButIsNoAnswer() {
    try (ChatStream events = stack.client().stream(Stack.stream("fault-cut"))) {
      assertThrows(HedgerowException.class, events::collect);
      assertFalse(events.partial().getMessage().getContent(0).getText().isEmpty());
      assertThrows(HedgerowException.class, events::collect);
    }
  }
}
