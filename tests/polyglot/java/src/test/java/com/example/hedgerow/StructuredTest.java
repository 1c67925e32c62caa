package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.hedgerow.client.Decoded;
import io.hedgerow.client.Prompts;
import io.hedgerow.client.TruncatedException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Answers as records. The simulator makes up a value that follows the schema it is sent. */
@NeedsStack
@Timeout(60)
class StructuredTest {
  private static Stack stack;

  @BeforeAll
  static void open() {
    stack = new Stack();
  }

  @AfterAll
  static void close() {
    stack.close();
  }

  enum Climate {
    WARM,
    COLD
  }

  record River(String name, double lengthKm) {}

  record Place(String city, Climate climate, List<River> rivers, int population) {}

  @Test
  void anAnswerIsARecord() {
    Decoded<Place> decoded =
        stack.client().decode(Prompts.complete("fast", Prompts.user("Describe a city.")), Place.class);
    assertFalse(decoded.value().city().isEmpty());
    assertNotNull(decoded.value().climate());
    assertTrue(decoded.answer().getUsage().getOutputTokens() > 0);
  }

  @Test
  void anAnswerThatIsCutIsNoRecord() {
    var request = Prompts.complete("fast", Prompts.user("Describe a city.")).toBuilder();
    request.getChatBuilder().setMaxOutputTokens(1);
    assertThrows(TruncatedException.class, () -> stack.client().decode(request.build(), Place.class));
  }
}
