package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.grpc.Status;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.errors.v1.ErrorReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The ends that a caller makes: leaving and deadlines. The simulator's book is the witness. */
@NeedsStack
@Timeout(60)
class CancelTest {
  private static final double LIMIT_SECONDS = 0.250;
  private static Stack stack;

  @BeforeAll
  static void open() {
    stack = new Stack();
  }

  @AfterAll
  static void close() {
    stack.close();
  }

  private static boolean isOpen(JsonObject call) {
    return call.get("outcome").getAsString().equals("open");
  }

  private static void assertCancelledSoonAfter(double leftUnix, Stack.Trace trace) throws InterruptedException {
    JsonObject call = stack.await(trace, c -> !isOpen(c));
    assertEquals("cancelled", call.get("outcome").getAsString());
    double delay = call.get("ended_unix").getAsDouble() - leftUnix;
    assertTrue(delay < LIMIT_SECONDS, "the upstream call ended " + delay + " s after the caller left");
  }

  private static double nowUnix() {
    return System.currentTimeMillis() / 1000.0;
  }

  @Test
  void leavingBeforeTheHeadersEndsTheUpstreamCall() throws Exception {
    Stack.Trace trace = new Stack.Trace();
    double left;
    try (ChatStream events = HedgerowClient.on(stack.traced(trace)).stream(Stack.stream("silent"))) {
      JsonObject call = stack.await(trace, CancelTest::isOpen);
      assertTrue(call.get("status").isJsonNull(), "the headers have come");
      assertTrue(events.partial().getMessage().getContentList().isEmpty());
      left = nowUnix();
    }
    assertCancelledSoonAfter(left, trace);
  }

  @Test
  void leavingInTheMiddleOfTheAnswerEndsTheUpstreamCall() throws Exception {
    Stack.Trace trace = new Stack.Trace();
    double left = 0;
    try (ChatStream events = HedgerowClient.on(stack.traced(trace)).stream(Stack.stream("slow"))) {
      for (StreamCompleteResponse event : events) {
        if (event.hasTextDelta()) {
          left = nowUnix();
          break;
        }
      }
    }
    assertCancelledSoonAfter(left, trace);
  }

  @Test
  void theDeadlineEndsTheUpstreamCallToo() throws Exception {
    Stack.Trace trace = new Stack.Trace();
    HedgerowClient client = HedgerowClient.on(stack.traced(trace)).withDeadline(Duration.ofMillis(500));
    double end = nowUnix() + 0.5;
    try (ChatStream events = client.stream(Stack.stream("slow"))) {
      HedgerowException e = assertThrows(HedgerowException.class, events::collect);
      assertEquals(Status.Code.DEADLINE_EXCEEDED, e.getCode());
      assertFalse(events.partial().getMessage().getContentList().isEmpty());
    }
    assertCancelledSoonAfter(end, trace);
  }

  @Test
  void theDeadlineComesWithTheReasonOfTheGateway() {
    HedgerowClient client = stack.client().withDeadline(Duration.ofMillis(400));
    List<String> reasons = new ArrayList<>();
    // The gateway answers 20 ms before the caller's own clock ends the call. On a busy machine the clock may win once.
    for (int attempt = 0; attempt < 5; attempt++) {
      HedgerowException e =
          assertThrows(HedgerowException.class, () -> client.complete(Stack.complete("silent")));
      assertEquals(Status.Code.DEADLINE_EXCEEDED, e.getCode());
      reasons.add(e.getRawReason());
      if (e.getReason() == ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED) {
        assertTrue(e.getRequestId().isPresent());
        return;
      }
    }
    throw new AssertionError("the reasons were " + reasons);
  }

  @Test
  void withoutADeadlineTheDefaultOfTheGatewayHolds() {
    try (ChatStream events = stack.client().stream(Stack.stream("fast"))) {
      events.collect();
      assertTrue(events.getTrailers().getReport().orElseThrow().getDeadlineDuration().getSeconds() > 0);
    }
  }
}
