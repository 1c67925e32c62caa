package io.hedgerow.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.ChatMessageDeserializer;
import dev.langchain4j.data.message.ChatMessageSerializer;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.PdfFileContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.message.VideoContent;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.ContentFilteredException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.ImageDetail;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.ProviderState;
import io.hedgerow.chat.v1.ProviderStateAttached;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.chat.v1.ToolChoiceMode;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.common.v1.RoutePolicy;
import io.hedgerow.errors.v1.ErrorReason;
import io.hedgerow.testing.Answer;
import io.hedgerow.testing.FakeGateway;
import io.hedgerow.testing.Fault;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(20)
class HedgerowChatModelTest {
  private FakeGateway gateway;
  private ChatModel model;

  @BeforeEach
  void start() {
    gateway = FakeGateway.start();
    model = HedgerowChatModel.builder().client(gateway.client()).modelName("fast").build();
  }

  @AfterEach
  void close() {
    gateway.close();
  }

  private ChatSpec asked() {
    return gateway.calls().get(gateway.calls().size() - 1).getChat();
  }

  private ChatSpec asked(ChatRequest request) {
    gateway.enqueue("ok");
    model.chat(request);
    return asked();
  }

  private static ChatRequest.Builder hi() {
    return ChatRequest.builder().messages(UserMessage.from("hi"));
  }

  /** Or the run with the newest version would prove nothing. */
  @Test
  void theTestsRunWithTheLangChain4jThatTheBuildNames() {
    String jar = ChatModel.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    String version = System.getProperty("expected.langchain4j.version");
    assertTrue(jar.endsWith("/langchain4j-core-" + version + ".jar"), jar + " is not version " + version);
  }

  @Test
  void textGoesInAndOut() {
    gateway.enqueue("hello");
    assertEquals("hello", model.chat("hi"));
    assertEquals("fast", asked().getModel());
    assertEquals("hi", asked().getMessages(0).getContent(0).getText());
  }

  @Test
  void anAnswerHasItsUsageItsReasonAndItsModel() {
    gateway.enqueue(Answer.text("hello").usage(7, 3).cost(42).from("openai", "gpt-4o"));
    ChatResponse response = model.chat(UserMessage.from("hi"));
    assertEquals(7, response.tokenUsage().inputTokenCount());
    assertEquals(3, response.tokenUsage().outputTokenCount());
    assertEquals(10, response.tokenUsage().totalTokenCount());
    assertEquals(FinishReason.STOP, response.finishReason());
    assertEquals("gpt-4o", response.modelName());
    HedgerowResponseMetadata metadata = assertInstanceOf(HedgerowResponseMetadata.class, response.metadata());
    assertEquals(42, metadata.answer().getCostPicos());
    assertEquals(metadata, metadata.toBuilder().build());
  }

  @Test
  void aConversationKeepsItsRoles() {
    ChatSpec chat =
        asked(
            ChatRequest.builder()
                .messages(
                    SystemMessage.from("be brief"),
                    UserMessage.from("ada", "weather in Rome?"),
                    AiMessage.from(
                        "Let me look.",
                        List.of(
                            ToolExecutionRequest.builder().id("c").name("weather").arguments("{}").build())),
                    ToolExecutionResultMessage.from("c", "weather", "sunny"))
                .build());
    assertEquals(
        List.of(Role.ROLE_SYSTEM, Role.ROLE_USER, Role.ROLE_ASSISTANT, Role.ROLE_TOOL),
        chat.getMessagesList().stream().map(Message::getRole).toList());
    assertEquals("ada", chat.getMessages(1).getName());
    assertEquals("Let me look.", chat.getMessages(2).getContent(0).getText());
    assertEquals("weather", chat.getMessages(2).getContent(1).getToolCall().getName());
    assertEquals("c", chat.getMessages(3).getContent(0).getToolResult().getToolCallId());
    assertEquals("sunny", chat.getMessages(3).getContent(0).getToolResult().getContent(0).getText());
  }

  @Test
  void imagesAudioAndPdfGoAsBytesOrByAddress() {
    ChatSpec chat =
        asked(
            ChatRequest.builder()
                .messages(
                    UserMessage.from(
                        TextContent.from("look"),
                        ImageContent.from("YWJj", "image/png", ImageContent.DetailLevel.HIGH),
                        ImageContent.from("https://example.com/a.png"),
                        AudioContent.from("YWJj", "audio/wav"),
                        PdfFileContent.from("YWJj", "application/pdf"),
                        PdfFileContent.from("https://example.com/a.pdf")))
                .build());
    List<Part> parts = chat.getMessages(0).getContentList();
    assertEquals(ByteString.copyFromUtf8("abc"), parts.get(1).getImage().getData());
    assertEquals("image/png", parts.get(1).getImage().getMediaType());
    assertEquals(ImageDetail.IMAGE_DETAIL_HIGH, parts.get(1).getImage().getDetail());
    assertEquals("https://example.com/a.png", parts.get(2).getImage().getUrl());
    assertEquals(ByteString.copyFromUtf8("abc"), parts.get(3).getAudio().getData());
    assertEquals(ByteString.copyFromUtf8("abc"), parts.get(4).getFile().getData());
    assertEquals("https://example.com/a.pdf", parts.get(5).getFile().getUrl());
  }

  @Test
  void whatTheGatewayHasNoPartForIsRefused() {
    UserMessage video = UserMessage.from(VideoContent.from("https://example.com/a.mp4"));
    assertThrows(UnsupportedFeatureException.class, () -> model.chat(video));
    assertTrue(gateway.calls().isEmpty());
  }

  @Test
  void theParametersGoThrough() {
    ChatSpec chat =
        asked(
            hi()
                .modelName("smart")
                .temperature(0.5)
                .topP(0.25)
                .topK(7)
                .frequencyPenalty(0.1)
                .presencePenalty(0.2)
                .maxOutputTokens(99)
                .stopSequences(List.of("END"))
                .build());
    ChatSpec expected =
        ChatSpec.newBuilder()
            .setModel("smart")
            .setTemperature(0.5)
            .setTopP(0.25)
            .setTopK(7)
            .setFrequencyPenalty(0.1)
            .setPresencePenalty(0.2)
            .setMaxOutputTokens(99)
            .addStopSequences("END")
            .addAllMessages(chat.getMessagesList())
            .build();
    assertEquals(expected, chat);
  }

  @Test
  void whatNobodySetIsNotSet() {
    ChatSpec chat = asked(hi().build());
    assertEquals(ChatSpec.newBuilder().setModel("fast").addAllMessages(chat.getMessagesList()).build(), chat);
  }

  @Test
  void aRequestGoesBeforeTheDefaults() {
    model =
        HedgerowChatModel.builder()
            .client(gateway.client())
            .modelName("fast")
            .defaultRequestParameters(ChatRequestParameters.builder().temperature(0.1).topK(3).build())
            .build();
    ChatSpec chat = asked(hi().temperature(0.9).build());
    assertEquals(0.9, chat.getTemperature());
    assertEquals(3, chat.getTopK());
    assertEquals("fast", chat.getModel());
  }

  @Test
  void toolsGoInAndTheirCallsComeOut() {
    gateway.enqueue(
        Answer.empty().toolCall("c1", "weather", "{\"city\":\"Rome\"}").toolCall("c2", "weather", "{}"));
    ToolSpecification weather =
        ToolSpecification.builder()
            .name("weather")
            .description("The weather of a city")
            .parameters(JsonObjectSchema.builder().addStringProperty("city").required("city").build())
            .build();
    ToolSpecification now = ToolSpecification.builder().name("now").build();
    ChatResponse response =
        model.chat(hi().toolSpecifications(weather, now).toolChoice(ToolChoice.REQUIRED).build());
    assertEquals(FinishReason.TOOL_EXECUTION, response.finishReason());
    assertNull(response.aiMessage().text());
    assertEquals(
        List.of("c1", "c2"),
        response.aiMessage().toolExecutionRequests().stream().map(ToolExecutionRequest::id).toList());
    assertEquals("{\"city\":\"Rome\"}", response.aiMessage().toolExecutionRequests().get(0).arguments());
    assertEquals("The weather of a city", asked().getTools(0).getFunction().getDescription());
    assertEquals(
        "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}",
        asked().getTools(0).getFunction().getParameters());
    assertEquals("", asked().getTools(1).getFunction().getParameters());
    assertEquals(ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED, asked().getToolChoice().getMode());
  }

  @Test
  void aSchemaOfTheAnswerGoesThrough() {
    ResponseFormat format =
        ResponseFormat.builder()
            .type(ResponseFormatType.JSON)
            .jsonSchema(
                JsonSchema.builder()
                    .name("A place!")
                    .rootElement(JsonObjectSchema.builder().addStringProperty("city").build())
                    .build())
            .build();
    ChatSpec chat = asked(hi().responseFormat(format).build());
    assertEquals("A_place_", chat.getResponseFormat().getJsonSchema().getName());
    assertTrue(chat.getResponseFormat().getJsonSchema().getSchema().contains("\"city\""));
    assertEquals(Capability.RESPONSE_FORMAT_JSON_SCHEMA, model.supportedCapabilities().iterator().next());
  }

  @Test
  void jsonWithoutASchemaIsAnyObject() {
    assertTrue(asked(hi().responseFormat(ResponseFormat.JSON).build()).getResponseFormat().hasJsonObject());
    assertFalse(asked(hi().responseFormat(ResponseFormat.TEXT).build()).hasResponseFormat());
  }

  @Test
  void thePolicyAndTheLabelsGoWithEachRequest() {
    RoutePolicy route = RoutePolicy.newBuilder().addProviders("openai").build();
    model =
        HedgerowChatModel.builder()
            .client(gateway.client())
            .modelName("fast")
            .route(route)
            .labels(Map.of("team", "a"))
            .build();
    asked(hi().build());
    CompleteRequest request = gateway.calls().get(0).getRequest(CompleteRequest.class);
    assertEquals(route, request.getRoute());
    assertEquals(Map.of("team", "a"), request.getLabelsMap());
  }

  @Test
  void listenersHearOfTheAnswer() {
    List<ChatResponse> heard = new ArrayList<>();
    ChatModelListener listener =
        new ChatModelListener() {
          @Override
          public void onResponse(ChatModelResponseContext context) {
            heard.add(context.chatResponse());
          }
        };
    model =
        HedgerowChatModel.builder()
            .client(gateway.client())
            .modelName("fast")
            .listeners(List.of(listener))
            .build();
    gateway.enqueue("hello");
    assertEquals(List.of(model.chat(UserMessage.from("hi"))), heard);
  }

  /** Thoughts of which a provider wants its own signature back, then a tool call. */
  private static Answer thoughtful() {
    StreamCompleteResponse state =
        StreamCompleteResponse.newBuilder()
            .setProviderStateAttached(
                ProviderStateAttached.newBuilder()
                    .setPartIndex(0)
                    .setState(
                        ProviderState.newBuilder()
                            .setProvider("anthropic")
                            .setData(ByteString.copyFromUtf8("signed"))))
            .build();
    return Answer.empty().reasoning("hm").event(state).thenText("Let me look.").toolCall("c", "f", "{}");
  }

  @Test
  void whatAProviderAttachedGoesBackToIt() {
    gateway.enqueue(thoughtful());
    ChatResponse first = model.chat(UserMessage.from("hi"));
    assertEquals("hm", first.aiMessage().thinking());
    Message original = ((HedgerowResponseMetadata) first.metadata()).answer().getMessage();
    assertTrue(original.getContent(0).hasProviderState());
    // As a memory that lives in a database has it.
    AiMessage remembered =
        (AiMessage) ChatMessageDeserializer.messageFromJson(ChatMessageSerializer.messageToJson(first.aiMessage()));
    ChatSpec next = asked(ChatRequest.builder().messages(UserMessage.from("hi"), remembered).build());
    assertEquals(original, next.getMessages(1));
  }

  @Test
  void anAnswerThatWasChangedGoesBackAsItIsNow() {
    gateway.enqueue(thoughtful());
    AiMessage changed = model.chat(UserMessage.from("hi")).aiMessage().withText("Redacted.");
    ChatSpec next = asked(ChatRequest.builder().messages(UserMessage.from("hi"), changed).build());
    assertEquals("Redacted.", next.getMessages(1).getContent(0).getText());
    assertFalse(next.toString().contains("Let me look."));
  }

  @Test
  void aRefusalIsTextWithItsReason() {
    gateway.enqueue(Answer.refusal("I will not."));
    ChatResponse response = model.chat(UserMessage.from("hi"));
    assertEquals("I will not.", response.aiMessage().text());
    assertEquals(FinishReason.CONTENT_FILTER, response.finishReason());
  }

  @ParameterizedTest
  @CsvSource({
    "FINISH_REASON_LENGTH, LENGTH",
    "FINISH_REASON_BUDGET, LENGTH",
    "FINISH_REASON_CONTENT_FILTER, CONTENT_FILTER",
    "FINISH_REASON_GUARDRAIL, CONTENT_FILTER",
    "FINISH_REASON_MALFORMED_TOOL_CALL, OTHER",
  })
  void reasonsAreThoseOfLangChain4j(io.hedgerow.chat.v1.FinishReason ours, FinishReason theirs) {
    gateway.enqueue(Answer.text("a").finish(ours));
    assertEquals(theirs, model.chat(UserMessage.from("hi")).finishReason());
  }

  static Stream<Arguments> failures() {
    return Stream.of(
        Arguments.of(ErrorReason.ERROR_REASON_UNAUTHENTICATED, AuthenticationException.class),
        Arguments.of(ErrorReason.ERROR_REASON_FORBIDDEN, AuthenticationException.class),
        Arguments.of(ErrorReason.ERROR_REASON_CONTENT_REFUSED, ContentFilteredException.class),
        Arguments.of(ErrorReason.ERROR_REASON_GUARDRAIL_BLOCKED, ContentFilteredException.class),
        Arguments.of(ErrorReason.ERROR_REASON_MODEL_NOT_FOUND, ModelNotFoundException.class),
        Arguments.of(ErrorReason.ERROR_REASON_REQUEST_INVALID, InvalidRequestException.class),
        Arguments.of(ErrorReason.ERROR_REASON_NO_CANDIDATE, InvalidRequestException.class),
        Arguments.of(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, RateLimitException.class),
        Arguments.of(ErrorReason.ERROR_REASON_PROVIDER_THROTTLED, RateLimitException.class),
        Arguments.of(ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED, TimeoutException.class),
        Arguments.of(ErrorReason.ERROR_REASON_PROVIDER_UNAVAILABLE, InternalServerException.class),
        Arguments.of(ErrorReason.ERROR_REASON_INTERNAL, InternalServerException.class));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failuresAreThoseOfLangChain4j(ErrorReason reason, Class<? extends RuntimeException> expected) {
    gateway.enqueue(Answer.fault(Fault.of(reason)));
    RuntimeException e = assertThrows(expected, () -> model.chat("hi"));
    assertEquals(reason, assertInstanceOf(HedgerowException.class, e.getCause()).getReason());
  }
}
