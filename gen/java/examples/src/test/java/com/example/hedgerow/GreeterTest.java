package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.hedgerow.client.HedgerowException;
import io.hedgerow.errors.v1.ErrorReason;
import io.hedgerow.testing.Answer;
import io.hedgerow.testing.FakeGateway;
import io.hedgerow.testing.Fault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

// region testing
@Timeout(20)
class GreeterTest {
  @Test
  void greetsByName() {
    try (FakeGateway gateway = FakeGateway.start()) {
      gateway.enqueue("Good morning, Ada.");
      assertEquals("Good morning, Ada.", new Greeter(gateway.client()).greet("Ada"));
      assertEquals("Greet Ada", gateway.calls().get(0).getChat().getMessages(0).getContent(0).getText());
    }
  }

  @Test
  void doesNotGreetWithHalfAnAnswer() {
    try (FakeGateway gateway = FakeGateway.start()) {
      gateway.enqueue(Answer.text("Good mor").thenFault(Fault.of(ErrorReason.ERROR_REASON_STREAM_CUT)));
      assertThrows(HedgerowException.class, () -> new Greeter(gateway.client()).greet("Ada"));
    }
  }
}
// endregion
