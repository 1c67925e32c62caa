package com.example.hedgerow;

import io.hedgerow.client.Answers;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.Prompts;
import org.springframework.stereotype.Service;

// region spring
@Service
class Greeter {
  private final HedgerowClient client;

  Greeter(HedgerowClient client) {
    this.client = client;
  }

  String greet(String name) {
    return Answers.text(client.complete(Prompts.complete("fast", Prompts.user("Greet " + name))));
  }
}
// endregion
