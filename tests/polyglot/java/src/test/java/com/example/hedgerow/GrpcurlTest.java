package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.Prompts;
import io.hedgerow.testing.Answer;
import io.hedgerow.testing.FakeGateway;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

@NeedsStack
@EnabledIfEnvironmentVariable(
    named = "HEDGEROW_TEST_GRPCURL",
    matches = ".+",
    disabledReason = "HEDGEROW_TEST_GRPCURL names no stream that grpcurl printed")
@Timeout(60)
class GrpcurlTest {
  /** The stream answers the message {@code hi}. */
  @Test
  void theFakePlaysWhatGrpcurlPrinted() {
    CompleteResponse played;
    try (FakeGateway gateway = FakeGateway.start()) {
      gateway.enqueue(Answer.recording(Path.of(System.getenv("HEDGEROW_TEST_GRPCURL"))));
      try (ChatStream events = gateway.client().stream(Prompts.stream("any"))) {
        played = events.collect();
      }
    }
    try (Stack stack = new Stack()) {
      CompleteResponse real = stack.client().complete(Prompts.complete("fast", Prompts.user("hi")));
      assertEquals(real.getMessage(), played.getMessage());
      assertEquals(real.getUsage(), played.getUsage());
    }
  }
}
