package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.ChatStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** Real traffic of OpenAI, played back by the simulator, reaches a Java program unchanged. */
@NeedsStack
@EnabledIfEnvironmentVariable(
    named = "HEDGEROW_TEST_RECORDINGS",
    matches = ".+",
    disabledReason = "HEDGEROW_TEST_RECORDINGS names no folder of recorded provider traffic")
@Timeout(120)
class ReplayTest {
  /** What a recorded stream says, read without any of the gateway's code. The first choice counts. */
  private static final class Recorded {
    final StringBuilder text = new StringBuilder();
    final List<StringBuilder> arguments = new ArrayList<>();
    JsonObject usage;
    String finishReason;

    Recorded(String body) {
      body.lines()
          .filter(line -> line.startsWith("data:") && !line.contains("[DONE]"))
          .map(line -> JsonParser.parseString(line.substring("data:".length())).getAsJsonObject())
          .forEach(this::add);
    }

    private void add(JsonObject chunk) {
      if (isPresent(chunk.get("usage"))) {
        usage = chunk.getAsJsonObject("usage");
      }
      for (JsonElement element : chunk.getAsJsonArray("choices")) {
        JsonObject choice = element.getAsJsonObject();
        if (choice.get("index").getAsInt() == 0) {
          add(choice, choice.getAsJsonObject("delta"));
        }
      }
    }

    private void add(JsonObject choice, JsonObject delta) {
      if (isPresent(choice.get("finish_reason"))) {
        finishReason = choice.get("finish_reason").getAsString();
      }
      if (isPresent(delta.get("content"))) {
        text.append(delta.get("content").getAsString());
      }
      if (isPresent(delta.get("tool_calls"))) {
        for (JsonElement element : delta.getAsJsonArray("tool_calls")) {
          JsonObject call = element.getAsJsonObject();
          while (arguments.size() <= call.get("index").getAsInt()) {
            arguments.add(new StringBuilder());
          }
          JsonElement piece = call.getAsJsonObject("function").get("arguments");
          arguments.get(call.get("index").getAsInt()).append(isPresent(piece) ? piece.getAsString() : "");
        }
      }
    }

    private static boolean isPresent(JsonElement element) {
      return element != null && !element.isJsonNull();
    }
  }

  @TestFactory
  Stream<DynamicTest> aRecordedStreamArrivesAsItWasRecorded() throws IOException {
    Path recordings = Path.of(System.getenv("HEDGEROW_TEST_RECORDINGS"));
    Stack stack = new Stack();
    List<JsonObject> records;
    try (Stream<String> lines = Files.lines(recordings.resolve("openai.jsonl"))) {
      records = lines.map(line -> JsonParser.parseString(line).getAsJsonObject()).filter(ReplayTest::isChat).toList();
    }
    assertFalse(records.isEmpty(), "no chat streams in " + recordings);
    return records.stream()
        .map(record -> DynamicTest.dynamicTest(record.get("id").getAsString(), () -> replay(stack, record)))
        .onClose(stack::close);
  }

  private static boolean isChat(JsonObject record) {
    return record.get("api").getAsString().equals("openai_chat")
        && record.get("kind").getAsString().equals("chat_stream");
  }

  private static void replay(Stack stack, JsonObject record) {
    Recorded recorded = new Recorded(record.getAsJsonObject("response").get("body").getAsString());
    StringBuilder streamed = new StringBuilder();
    int completed = 0;
    CompleteResponse answer;
    try (ChatStream events = stack.client().stream(Stack.stream(record.get("id").getAsString()))) {
      for (StreamCompleteResponse event : events) {
        streamed.append(event.getTextDelta().getText());
        completed += event.hasCompleted() ? 1 : 0;
      }
      answer = events.collect();
    }
    assertEquals(recorded.text.toString(), streamed.toString());
    assertEquals(1, completed);
    assertEquals(recorded.finishReason, answer.getNativeFinishReason());
    assertEquals(
        recorded.arguments.stream().map(StringBuilder::toString).toList(),
        answer.getMessage().getContentList().stream()
            .filter(Part::hasToolCall)
            .map(part -> part.getToolCall().getArguments())
            .toList());
    if (recorded.usage != null) {
      assertEquals(recorded.usage.get("prompt_tokens").getAsLong(), answer.getUsage().getInputTokens());
      assertEquals(recorded.usage.get("completion_tokens").getAsLong(), answer.getUsage().getOutputTokens());
      JsonObject details = recorded.usage.getAsJsonObject("prompt_tokens_details");
      assertEquals(details.get("cached_tokens").getAsLong(), answer.getUsage().getInputCacheReadTokens());
      assertFalse(answer.getUsage().getEstimated());
    }
  }
}
