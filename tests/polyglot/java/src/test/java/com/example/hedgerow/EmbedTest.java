package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import io.hedgerow.client.EmbedStream;
import io.hedgerow.embed.v1.EmbedInput;
import io.hedgerow.embed.v1.EmbedRequest;
import io.hedgerow.embed.v1.EmbedResponse;
import io.hedgerow.embed.v1.EmbedSpec;
import io.hedgerow.embed.v1.StreamEmbedItem;
import io.hedgerow.embed.v1.StreamEmbedOptions;
import io.hedgerow.embed.v1.StreamEmbedResponse;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@NeedsStack
@Timeout(60)
class EmbedTest {
  private static final String MODEL = "embed-small";
  private static final StreamEmbedOptions OPTIONS = StreamEmbedOptions.newBuilder().setModel(MODEL).build();
  private static Stack stack;

  @BeforeAll
  static void open() {
    stack = new Stack();
  }

  @AfterAll
  static void close() {
    stack.close();
  }

  private static EmbedInput text(String text) {
    return EmbedInput.newBuilder().setText(text).build();
  }

  private static StreamEmbedItem item(String id, String text) {
    return StreamEmbedItem.newBuilder().setId(id).setInput(text(text)).build();
  }

  private static EmbedResponse embed(String... texts) {
    EmbedSpec.Builder spec = EmbedSpec.newBuilder().setModel(MODEL);
    for (String text : texts) {
      spec.addInputs(text(text));
    }
    return stack.client().embed(EmbedRequest.newBuilder().setEmbed(spec).build());
  }

  @Test
  void aBatchComesBackInItsOrder() {
    EmbedResponse together = embed("one", "two");
    assertEquals(2, together.getEmbeddingsCount());
    assertEquals(embed("two").getEmbeddings(0), together.getEmbeddings(1));
    assertTrue(together.getUsage().getInputTokens() > 0);
  }

  @Test
  void aStreamAnswersEveryInputInOrderWithTheVectorOfTheUnaryCall() {
    Iterator<StreamEmbedItem> items = IntStream.range(0, 3000).mapToObj(i -> item("id-" + i, "text " + i)).iterator();
    List<StreamEmbedResponse> seen = new ArrayList<>();
    try (EmbedStream results = stack.client().streamEmbed(OPTIONS, items)) {
      results.forEach(seen::add);
      assertEquals(3000, results.getCompleted().orElseThrow().getEmbeddedItemsCount());
      assertTrue(results.getTrailers().getRequestId().isPresent());
    }
    assertEquals(
        IntStream.range(0, 3000).mapToObj(i -> "id-" + i).toList(),
        seen.stream().map(StreamEmbedResponse::getId).toList());
    assertEquals(embed("text 2999").getEmbeddings(0), seen.get(2999).getEmbedding());
  }

  @Test
  void oneBadInputIsAnsweredWithAStatusAndTheOthersWithVectors() {
    Iterator<StreamEmbedItem> items = List.of(item("a", "one"), item("b", ""), item("c", "three")).iterator();
    List<StreamEmbedResponse> seen = new ArrayList<>();
    try (EmbedStream results = stack.client().streamEmbed(OPTIONS, items)) {
      results.forEach(seen::add);
    }
    assertEquals(List.of("a", "b", "c"), seen.stream().map(StreamEmbedResponse::getId).toList());
    assertTrue(seen.get(0).hasEmbedding() && seen.get(2).hasEmbedding());
    assertEquals(Status.Code.INVALID_ARGUMENT.value(), seen.get(1).getItemError().getCode());
  }
}
