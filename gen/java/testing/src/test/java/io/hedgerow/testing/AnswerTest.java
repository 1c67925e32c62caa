package io.hedgerow.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Started;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.chat.v1.UsageUpdate;
import io.hedgerow.client.ChatFold;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AnswerTest {
  private static final String STARTED = "{\"sequence\": 1, \"started\": {}}";
  private static final String COMPLETED = "{\"sequence\": 2, \"completed\": {}}";

  private static CompleteResponse fold(Answer answer) {
    ChatFold fold = new ChatFold();
    answer.events().forEach(fold::add);
    return fold.finish();
  }

  private static Path weather() throws Exception {
    return Path.of(AnswerTest.class.getResource("/weather.json").toURI());
  }

  private static Answer recording(String json) {
    return Answer.recording(new StringReader(json), "test.json");
  }

  @Test
  void aRecordingIsReadAsGrpcurlPrintsIt() throws Exception {
    Answer answer = Answer.recording(weather());
    assertEquals(4, answer.events().size());
    CompleteResponse whole = fold(answer);
    assertEquals("It is sunny in Zürich. ☀", whole.getMessage().getContent(0).getText());
    assertEquals(6_000_000, whole.getCostPicos());
  }

  @Test
  void aRecordingWithAMessageALineMeansTheSame() throws Exception {
    JsonFormat.Printer printer = JsonFormat.printer().omittingInsignificantWhitespace();
    Answer printed = Answer.recording(weather());
    String lines =
        printed.events().stream()
            .map(
                event -> {
                  try {
                    return printer.print(event);
                  } catch (InvalidProtocolBufferException e) {
                    throw new AssertionError(e);
                  }
                })
            .collect(Collectors.joining("\n"));
    assertEquals(4, lines.lines().count());
    assertEquals(printed.events(), recording(lines).events());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"sequence\": 1, \"started\": {}}                                   | the last message is not Completed",
        "{\"sequence\": 1, \"textDelta\": {}}                                 | message 1: Started comes first",
        "{\"sequence\": 2, \"started\": {}}                                   | message 1: message 2 of the stream",
        "{\"sequence\": 1, \"started\": {}} {\"sequence\": 2, \"started\": {}} | message 2: Started comes first",
        "{\"sequence\": 1, \"started\": {}} {\"sequence\": 3, \"completed\": {}} | message 2: message 3 of the stream",
        "{\"sequence\": 1, \"begun\": {}}                                     | message 1:",
        "{\"sequence\": 1, \"started\": {                                     | message 1:",
        "``                                                                 | message 1:"
      })
  void whatNoGatewaySendsIsRefusedAndSaidWhere(String json, String complaint) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> recording(json == null ? "" : json));
    assertTrue(e.getMessage().startsWith("test.json") && e.getMessage().contains(complaint), e.getMessage());
  }

  @Test
  void nothingFollowsCompleted() {
    assertThrows(
        IllegalArgumentException.class,
        () -> recording(STARTED + COMPLETED + "{\"sequence\": 3, \"textDelta\": {\"text\": \"x\"}}"));
  }

  @Test
  void aFileThatIsNotThereSaysSo() {
    assertThrows(UncheckedIOException.class, () -> Answer.recording(Path.of("no-such-file.json")));
  }

  @Test
  void contentComesInItsOrderAsPartsOfTheirKind() {
    CompleteResponse whole =
        fold(
            Answer.empty()
                .reasoning("hm", "m")
                .thenText("It ", "is.")
                .toolCall("c1", "weather", "{\"city\":", "\"Rome\"}")
                .toolCall("c2", "time"));
    assertEquals("hmm", whole.getMessage().getContent(0).getReasoning().getText());
    assertEquals("It is.", whole.getMessage().getContent(1).getText());
    assertEquals("{\"city\":\"Rome\"}", whole.getMessage().getContent(2).getToolCall().getArguments());
    assertEquals("{}", whole.getMessage().getContent(3).getToolCall().getArguments());
    assertEquals(FinishReason.FINISH_REASON_TOOL_CALLS, whole.getFinishReason());
  }

  @Test
  void whatIsSetIsInTheAnswer() {
    CompleteResponse whole =
        fold(
            Answer.text("a")
                .from("openai", "gpt-4o")
                .usage(100, 20)
                .cost(42)
                .finish(FinishReason.FINISH_REASON_LENGTH));
    assertEquals(List.of("openai", "gpt-4o"), List.of(whole.getProvider(), whole.getModel()));
    assertEquals(100, whole.getUsage().getInputTokens());
    assertEquals(20, whole.getUsage().getOutputTokens());
    assertEquals(42, whole.getChargedPicos());
    assertEquals(FinishReason.FINISH_REASON_LENGTH, whole.getFinishReason());
  }

  @Test
  void aRefusalIsAPartOfItsOwn() {
    assertEquals(
        List.of(Part.newBuilder().setRefusal("No.").build()),
        fold(Answer.refusal("No.")).getMessage().getContentList());
  }

  @Test
  void anyEventCanBeAddedThatMayStandThere() {
    StreamCompleteResponse update =
        StreamCompleteResponse.newBuilder().setUsageUpdate(UsageUpdate.getDefaultInstance()).build();
    assertTrue(Answer.text("a").event(update).thenText("b").events().get(2).hasUsageUpdate());
    StreamCompleteResponse second =
        StreamCompleteResponse.newBuilder().setStarted(Started.getDefaultInstance()).build();
    assertThrows(IllegalArgumentException.class, () -> Answer.text("a").event(second));
  }

  @Test
  void anyWholeStreamCanBeGiven() {
    List<StreamCompleteResponse> events = Answer.text("a").events();
    assertEquals(events, Answer.events(events).events());
    assertThrows(IllegalArgumentException.class, () -> Answer.events(events.subList(0, 2)));
  }

  @Test
  void nothingIsAddedBehindAnEnding() {
    Answer cut = Answer.text("a").cut();
    assertThrows(IllegalStateException.class, () -> cut.thenText("b"));
    assertThrows(IllegalStateException.class, () -> cut.usage(1, 1));
    assertThrows(IllegalStateException.class, cut::thenSilence);
  }

  @Test
  void aCutLeavesAtLeastCompletedOut() {
    Answer answer = Answer.text("a");
    assertEquals(1, answer.cutAfter(1).events().size());
    assertThrows(IllegalArgumentException.class, () -> answer.cutAfter(3));
    assertThrows(IllegalArgumentException.class, () -> answer.cutAfter(-1));
  }
}
