package com.example.hedgerow;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.hedgerow.client.Decoded;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.Prompts;
import java.util.Optional;

/** Answers as records. */
final class Places {
  private Places() {}

  // region decode
  record Place(
      String city,
      String country,
      @JsonPropertyDescription("of the city proper, where known") Optional<Integer> population) {}

  static Place find(HedgerowClient client, String question) {
    Decoded<Place> decoded = client.decode(Prompts.complete("fast", Prompts.user(question)), Place.class);
    return decoded.value(); // And decoded.answer() has usage and cost.
  }
  // endregion
}
