package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.hedgerow.chat.v1.Audio;
import io.hedgerow.chat.v1.CacheKind;
import io.hedgerow.chat.v1.CacheOrigin;
import io.hedgerow.chat.v1.Citation;
import io.hedgerow.chat.v1.CitationAdded;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.File;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.chat.v1.GuardrailSide;
import io.hedgerow.chat.v1.GuardrailVerdict;
import io.hedgerow.chat.v1.Image;
import io.hedgerow.chat.v1.LogprobsDelta;
import io.hedgerow.chat.v1.MediaDelta;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.ProviderItem;
import io.hedgerow.chat.v1.ProviderItemAdded;
import io.hedgerow.chat.v1.ProviderState;
import io.hedgerow.chat.v1.ProviderStateAttached;
import io.hedgerow.chat.v1.Reasoning;
import io.hedgerow.chat.v1.ReasoningDelta;
import io.hedgerow.chat.v1.RefusalDelta;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.RouteChange;
import io.hedgerow.chat.v1.RouteChangeAction;
import io.hedgerow.chat.v1.Started;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.chat.v1.TokenLogprob;
import io.hedgerow.chat.v1.ToolCall;
import io.hedgerow.chat.v1.ToolCallArgumentsDelta;
import io.hedgerow.chat.v1.ToolCallEnded;
import io.hedgerow.chat.v1.ToolCallStarted;
import io.hedgerow.chat.v1.UsageUpdate;
import io.hedgerow.common.v1.Usage;
import io.hedgerow.common.v1.Warning;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChatFoldTest {
  private static StreamCompleteResponse.Builder event() {
    return StreamCompleteResponse.newBuilder();
  }

  private static CompleteResponse fold(Events events) {
    ChatFold fold = new ChatFold();
    events.list().forEach(fold::add);
    return fold.finish();
  }

  private static List<Part> parts(Events events) {
    return fold(events.completed()).getMessage().getContentList();
  }

  @Test
  void everythingAboutTheAnswerButItsPartsComesFromStartedAndCompleted() {
    CompleteResponse expected =
        CompleteResponse.newBuilder()
            .setMessage(
                Message.newBuilder()
                    .setRole(Role.ROLE_ASSISTANT)
                    .addContent(Part.newBuilder().setText("Hi there")))
            .setProvider("first")
            .setModel("first-model")
            .setResponseId("first-id")
            .addWarnings(Warning.newBuilder().setField("chat.top_k"))
            .setFinishReason(FinishReason.FINISH_REASON_STOP)
            .setNativeFinishReason("stop")
            .setUsage(Usage.newBuilder().setInputTokens(3).setOutputTokens(5).setFinal(true))
            .setCostPicos(70)
            .build();
    assertEquals(expected, fold(Events.started().text(0, "Hi").text(0, " there").completed()));
  }

  @Test
  void partsStandInTheOrderOfTheirIndicesWhateverTheOrderOfTheirDeltas() {
    List<Part> parts = parts(Events.started().text(2, "c").text(0, "a").text(2, "d"));
    assertEquals(List.of("a", "cd"), parts.stream().map(Part::getText).toList());
  }

  @Test
  void reasoningKeepsItsStateBesideItsWords() {
    ProviderState state =
        ProviderState.newBuilder().setProvider("x").setData(ByteString.copyFromUtf8("signature")).build();
    List<Part> parts =
        parts(
            Events.started()
                .add(event().setReasoningDelta(ReasoningDelta.newBuilder().setText("so ")))
                .add(event().setReasoningDelta(ReasoningDelta.newBuilder().setText("be it")))
                .add(event().setProviderStateAttached(ProviderStateAttached.newBuilder().setState(state))));
    assertEquals(
        List.of(
            Part.newBuilder().setReasoning(Reasoning.newBuilder().setText("so be it")).setProviderState(state).build()),
        parts);
  }

  @Test
  void toolCallsThatAreWovenIntoEachOtherComeApart() {
    List<Part> parts =
        parts(
            Events.started()
                .add(event().setToolCallStarted(ToolCallStarted.newBuilder().setPartIndex(0).setId("a").setName("f")))
                .add(event().setToolCallStarted(ToolCallStarted.newBuilder().setPartIndex(1).setId("b").setName("g")))
                .add(event().setToolCallArgumentsDelta(arguments(1, "{\"y\":")))
                .add(event().setToolCallArgumentsDelta(arguments(0, "{\"x\":1}")))
                .add(event().setToolCallArgumentsDelta(arguments(1, "2}")))
                .add(event().setToolCallEnded(ToolCallEnded.newBuilder().setPartIndex(0)))
                .add(event().setToolCallEnded(ToolCallEnded.newBuilder().setPartIndex(1))));
    assertEquals(
        List.of(
            ToolCall.newBuilder().setId("a").setName("f").setArguments("{\"x\":1}").build(),
            ToolCall.newBuilder().setId("b").setName("g").setArguments("{\"y\":2}").build()),
        parts.stream().map(Part::getToolCall).toList());
  }

  private static ToolCallArgumentsDelta.Builder arguments(int part, String arguments) {
    return ToolCallArgumentsDelta.newBuilder().setPartIndex(part).setArguments(arguments);
  }

  @Test
  void aToolCallWithoutArgumentsHasAnEmptyObject() {
    List<Part> parts =
        parts(Events.started().add(event().setToolCallStarted(ToolCallStarted.newBuilder().setId("a").setName("f"))));
    assertEquals("{}", parts.get(0).getToolCall().getArguments());
  }

  @Test
  void argumentsWithoutAToolCallBreakTheStream() {
    Events events = Events.started().add(event().setToolCallArgumentsDelta(arguments(0, "{}"))).completed();
    assertThrows(BrokenStreamException.class, () -> fold(events));
  }

  @Test
  void aPartThatChangesItsKindBreaksTheStream() {
    Events events =
        Events.started().text(0, "a").add(event().setRefusalDelta(RefusalDelta.newBuilder().setText("b"))).completed();
    assertThrows(BrokenStreamException.class, () -> fold(events));
  }

  @Test
  void citationsStandWithTheTextThatTheySupport() {
    Citation citation = Citation.newBuilder().setUrl("https://example.com").setEndIndex(3).build();
    List<Part> parts =
        parts(
            Events.started()
                .text(0, "Yes")
                .add(event().setCitationAdded(CitationAdded.newBuilder().setCitation(citation))));
    assertEquals(List.of(Part.newBuilder().setText("Yes").addCitations(citation).build()), parts);
  }

  @Test
  void logProbabilitiesStandWithTheirTokensInOrder() {
    TokenLogprob yes = TokenLogprob.newBuilder().setToken("Ye").setLogprob(-0.25).setTokenId(7).build();
    TokenLogprob end = TokenLogprob.newBuilder().setToken("s").setLogprob(-3).build();
    List<Part> parts =
        parts(
            Events.started()
                .text(0, "Ye")
                .add(event().setLogprobsDelta(LogprobsDelta.newBuilder().addTokens(yes)))
                .text(0, "s")
                .add(event().setLogprobsDelta(LogprobsDelta.newBuilder().addTokens(end))));
    assertEquals(List.of(Part.newBuilder().setText("Yes").addLogprobs(yes).addLogprobs(end).build()), parts);
  }

  @Test
  void refusalsAreJoined() {
    List<Part> parts =
        parts(
            Events.started()
                .add(event().setRefusalDelta(RefusalDelta.newBuilder().setText("I can")))
                .add(event().setRefusalDelta(RefusalDelta.newBuilder().setText("not"))));
    assertEquals(List.of(Part.newBuilder().setRefusal("I cannot").build()), parts);
  }

  @Test
  void providerItemsArePartsOfTheirOwn() {
    ProviderItem item =
        ProviderItem.newBuilder().setProvider("x").setType("search").setData(ByteString.copyFromUtf8("{}")).build();
    List<Part> parts =
        parts(
            Events.started()
                .add(event().setProviderItemAdded(ProviderItemAdded.newBuilder().setItem(item)))
                .text(1, "found"));
    assertEquals(
        List.of(Part.newBuilder().setProviderItem(item).build(), Part.newBuilder().setText("found").build()), parts);
  }

  @Test
  void theMediaTypeDecidesTheKindOfAMedium() {
    List<Part> parts =
        parts(
            Events.started()
                .add(event().setMediaDelta(media(0, "image/png", "ab")))
                .add(event().setMediaDelta(media(1, "audio/wav", "c").setTranscript("oh ")))
                .add(event().setMediaDelta(media(0, "", "cd")))
                .add(event().setMediaDelta(media(1, "", "d").setTranscript("yes")))
                .add(event().setMediaDelta(media(2, "application/pdf", "e")))
                .add(event().setMediaDelta(media(3, "image/jpeg", "").setUrl("https://example.com/i.jpg"))));
    assertEquals(
        List.of(
            Part.newBuilder().setImage(Image.newBuilder().setMediaType("image/png").setData(utf8("abcd"))).build(),
            Part.newBuilder()
                .setAudio(Audio.newBuilder().setMediaType("audio/wav").setData(utf8("cd")).setTranscript("oh yes"))
                .build(),
            Part.newBuilder().setFile(File.newBuilder().setMediaType("application/pdf").setData(utf8("e"))).build(),
            Part.newBuilder()
                .setImage(Image.newBuilder().setMediaType("image/jpeg").setUrl("https://example.com/i.jpg"))
                .build()),
        parts);
  }

  private static MediaDelta.Builder media(int part, String type, String data) {
    return MediaDelta.newBuilder().setPartIndex(part).setMediaType(type).setData(utf8(data));
  }

  private static ByteString utf8(String text) {
    return ByteString.copyFromUtf8(text);
  }

  @Test
  void discardedOutputLeavesNothingBehindButTheNewRoute() {
    CompleteResponse answer =
        fold(
            Events.started()
                .text(0, "wrong")
                .add(event().setToolCallStarted(ToolCallStarted.newBuilder().setPartIndex(1).setId("a").setName("f")))
                .add(event().setUsageUpdate(UsageUpdate.newBuilder().setUsage(Usage.newBuilder().setInputTokens(9))))
                .routeChange(RouteChangeAction.ROUTE_CHANGE_ACTION_DISCARD_OUTPUT)
                .text(0, "right")
                .completed());
    assertEquals(List.of(Part.newBuilder().setText("right").build()), answer.getMessage().getContentList());
    assertEquals(
        List.of("second", "second-model", "second-id"),
        List.of(answer.getProvider(), answer.getModel(), answer.getResponseId()));
    assertEquals(List.of(), answer.getWarningsList());
    assertEquals(3, answer.getUsage().getInputTokens());
  }

  @Test
  void theOriginOfAnAnswerFromTheCacheIsKept() {
    CacheOrigin origin = CacheOrigin.newBuilder().setKind(CacheKind.CACHE_KIND_EXACT).setProvider("first").build();
    CompleteResponse answer =
        fold(
            new Events().add(event().setStarted(Started.newBuilder().setCacheOrigin(origin))).text(0, "a").completed());
    assertEquals(origin, answer.getCacheOrigin());
  }

  @Test
  void verdictsOnTheCallOutliveTheOutputThatIsDiscarded() {
    GuardrailVerdict verdict =
        GuardrailVerdict.newBuilder().setGuardrail("pii").setSide(GuardrailSide.GUARDRAIL_SIDE_INPUT).build();
    CompleteResponse answer =
        fold(
            Events.started()
                .add(event().setGuardrailVerdict(verdict))
                .routeChange(RouteChangeAction.ROUTE_CHANGE_ACTION_DISCARD_OUTPUT)
                .completed());
    assertEquals(List.of(verdict), answer.getGuardrailVerdictsList());
  }

  @Test
  void aRouteChangeThatIsNotKnownBreaksTheStream() {
    Events events =
        Events.started()
            .add(event().setRouteChange(RouteChange.newBuilder().setActionValue(99)))
            .completed();
    assertThrows(BrokenStreamException.class, () -> fold(events));
  }

  @Test
  void theReservedRouteChangeBreaksTheStream() {
    Events events =
        Events.started().text(0, "a").routeChange(RouteChangeAction.ROUTE_CHANGE_ACTION_CONTINUE).completed();
    assertThrows(BrokenStreamException.class, () -> fold(events));
  }

  @Test
  void eventsOfTheFutureAreIgnored() {
    UnknownFieldSet future =
        UnknownFieldSet.newBuilder()
            .addField(999, UnknownFieldSet.Field.newBuilder().addLengthDelimited(utf8("news")).build())
            .build();
    List<Part> parts = parts(Events.started().text(0, "a").add(event().setUnknownFields(future)).text(0, "b"));
    assertEquals(List.of(Part.newBuilder().setText("ab").build()), parts);
  }

  @Test
  void anAnswerWithoutCompletedIsNone() {
    Events events = Events.started().text(0, "almost");
    BrokenStreamException e = assertThrows(BrokenStreamException.class, () -> fold(events));
    assertTrue(e.getDescription().contains("without Completed"), e.getDescription());
  }

  @Test
  void whatCameOfACutAnswerCanBeSeen() {
    ChatFold fold = new ChatFold();
    Events.started().text(0, "almost").list().forEach(fold::add);
    assertFalse(fold.isComplete());
    assertEquals("almost", fold.partial().getMessage().getContent(0).getText());
    assertEquals(FinishReason.FINISH_REASON_UNSPECIFIED, fold.partial().getFinishReason());
  }

  @Test
  void aGapInTheSequenceBreaksTheStream() {
    List<StreamCompleteResponse> events = Events.started().text(0, "a").text(0, "b").completed().list();
    ChatFold fold = new ChatFold();
    fold.add(events.get(0));
    fold.add(events.get(1));
    assertThrows(BrokenStreamException.class, () -> fold.add(events.get(3)));
  }

  @Test
  void aRepeatedEventBreaksTheStream() {
    List<StreamCompleteResponse> events = Events.started().list();
    ChatFold fold = new ChatFold();
    fold.add(events.get(0));
    assertThrows(BrokenStreamException.class, () -> fold.add(events.get(0)));
  }

  @Test
  void aSecondStartBreaksTheStream() {
    Events events =
        Events.started().add(event().setStarted(Started.newBuilder().setProvider("again"))).completed();
    assertThrows(BrokenStreamException.class, () -> fold(events));
  }

  @Test
  void anEventAfterCompletedBreaksTheStream() {
    Events events = Events.started().completed().text(0, "more");
    assertThrows(BrokenStreamException.class, () -> fold(events));
  }
}
