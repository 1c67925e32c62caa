package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceImplBase;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.chat.v1.JsonSchemaFormat;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Reasoning;
import io.hedgerow.chat.v1.ResponseFormat;
import io.hedgerow.chat.v1.ToolCall;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

@Timeout(20)
class AnswersTest {
  private static CompleteResponse answer(FinishReason reason, Part.Builder... parts) {
    Message.Builder message = Message.newBuilder();
    for (Part.Builder part : parts) {
      message.addContent(part);
    }
    return CompleteResponse.newBuilder().setFinishReason(reason).setMessage(message).build();
  }

  private static Part.Builder text(String text) {
    return Part.newBuilder().setText(text);
  }

  /** Reads an int; its schema is the name of the class. */
  private static final class Numbers implements StructuredFormat {
    @Override
    public String schema(Class<?> type) {
      return "{\"title\":\"" + type.getName() + "\"}";
    }

    @Override
    public <T> T read(String json, Class<T> type) {
      return type.cast(Integer.valueOf(json));
    }
  }

  @Test
  void theTextPartsAreJoinedAndOthersLeftOut() {
    Part.Builder thought = Part.newBuilder().setReasoning(Reasoning.newBuilder().setText("hm"));
    assertEquals("ab", Answers.text(answer(FinishReason.FINISH_REASON_STOP, text("a"), thought, text("b"))));
  }

  @Test
  void anAnswerThatOnlyCallsToolsIsWholeAndHasNoText() {
    Part.Builder call = Part.newBuilder().setToolCall(ToolCall.newBuilder().setName("f"));
    assertEquals("", Answers.text(answer(FinishReason.FINISH_REASON_TOOL_CALLS, call)));
  }

  @Test
  void aRefusalIsThrownWithTheWordsOfTheModelButNotInTheMessage() {
    CompleteResponse refused =
        answer(FinishReason.FINISH_REASON_STOP, Part.newBuilder().setRefusal("I will not."));
    RefusedException e = assertThrows(RefusedException.class, () -> Answers.text(refused));
    assertEquals("I will not.", e.getRefusal());
    assertSame(refused, e.getAnswer());
    assertFalse(e.getMessage().contains("I will not."));
  }

  @ParameterizedTest
  @EnumSource(
      names = {
        "FINISH_REASON_REFUSAL", "FINISH_REASON_CONTENT_FILTER", "FINISH_REASON_RECITATION", "FINISH_REASON_GUARDRAIL"
      })
  void whatWasHeldBackIsRefused(FinishReason reason) {
    assertEquals(
        reason, assertThrows(RefusedException.class, () -> Answers.text(answer(reason))).getFinishReason());
  }

  @ParameterizedTest
  @EnumSource(
      names = {"FINISH_REASON_LENGTH", "FINISH_REASON_CONTEXT_LENGTH", "FINISH_REASON_BUDGET", "FINISH_REASON_PAUSE"})
  void whatStoppedBeforeItsEndIsTruncated(FinishReason reason) {
    assertThrows(TruncatedException.class, () -> Answers.text(answer(reason, text("alm"))));
  }

  @ParameterizedTest
  @EnumSource(names = {"FINISH_REASON_MALFORMED_OUTPUT", "FINISH_REASON_MALFORMED_TOOL_CALL"})
  void whatTheProviderCallsMalformedIsMalformed(FinishReason reason) {
    assertThrows(MalformedAnswerException.class, () -> Answers.text(answer(reason, text("{"))));
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.INCLUDE,
      names = {"FINISH_REASON_STOP", "FINISH_REASON_OTHER", "FINISH_REASON_UNSPECIFIED"})
  void anyOtherEndIsOne(FinishReason reason) {
    assertEquals("a", Answers.text(answer(reason, text("a"))));
  }

  @Test
  void decodeAsksForTheSchemaAndReadsTheAnswer() throws Exception {
    AtomicReference<CompleteRequest> asked = new AtomicReference<>();
    CompleteResponse answer = answer(FinishReason.FINISH_REASON_STOP, text("42"));
    try (FakeGateway gateway = answering(asked, answer)) {
      Decoded<Integer> decoded =
          gateway.client().withStructuredFormat(new Numbers()).decode(Prompts.complete("m"), Integer.class);
      assertEquals(new Decoded<>(42, answer), decoded);
      JsonSchemaFormat format = asked.get().getChat().getResponseFormat().getJsonSchema();
      assertEquals("Integer", format.getName());
      assertEquals("{\"title\":\"java.lang.Integer\"}", format.getSchema());
      assertTrue(format.getStrict());
    }
  }

  @Test
  void decodeKeepsTheSchemaThatTheCallerHas() throws Exception {
    AtomicReference<CompleteRequest> asked = new AtomicReference<>();
    CompleteRequest.Builder request = Prompts.complete("m").toBuilder();
    request
        .getChatBuilder()
        .setResponseFormat(
            ResponseFormat.newBuilder().setJsonSchema(JsonSchemaFormat.newBuilder().setName("mine").setSchema("{}")));
    try (FakeGateway gateway = answering(asked, answer(FinishReason.FINISH_REASON_STOP, text("1")))) {
      gateway.client().withStructuredFormat(new Numbers()).decode(request.build(), Integer.class);
      assertEquals(request.build(), asked.get());
    }
  }

  @Test
  void anAnswerThatIsNotOfTheClassIsMalformedAndCannotBeSeenInTheMessage() {
    CompleteResponse answer = answer(FinishReason.FINISH_REASON_STOP, text("about forty"));
    MalformedAnswerException e =
        assertThrows(MalformedAnswerException.class, () -> new Numbers().decode(answer, Integer.class));
    assertSame(answer, e.getAnswer());
    assertFalse(e.getMessage().contains("forty"));
  }

  @Test
  void anAnswerThatCallsAToolInsteadIsMalformed() {
    CompleteResponse answer = answer(FinishReason.FINISH_REASON_TOOL_CALLS);
    assertThrows(MalformedAnswerException.class, () -> new Numbers().decode(answer, Integer.class));
  }

  @Test
  void aCutAnswerIsTruncatedAlsoWhereItCouldBeRead() {
    CompleteResponse answer = answer(FinishReason.FINISH_REASON_LENGTH, text("42"));
    assertThrows(TruncatedException.class, () -> new Numbers().decode(answer, Integer.class));
  }

  @Test
  void withoutAReaderOfJsonTheMessageNamesTheArtefact() throws Exception {
    try (FakeGateway gateway = answering(new AtomicReference<>(), CompleteResponse.getDefaultInstance())) {
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class, () -> gateway.client().decode(Prompts.complete("m"), Integer.class));
      assertTrue(e.getMessage().contains("hedgerow-jackson"), e.getMessage());
    }
  }

  private static FakeGateway answering(AtomicReference<CompleteRequest> asked, CompleteResponse answer)
      throws Exception {
    return new FakeGateway(
        new ChatServiceImplBase() {
          @Override
          public void complete(CompleteRequest request, StreamObserver<CompleteResponse> call) {
            asked.set(request);
            call.onNext(answer);
            call.onCompleted();
          }
        });
  }
}
