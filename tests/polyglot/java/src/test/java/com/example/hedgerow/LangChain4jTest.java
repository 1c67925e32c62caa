package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import io.hedgerow.langchain4j.HedgerowChatModel;
import io.hedgerow.langchain4j.HedgerowStreamingChatModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A program that knows LangChain4j, with the router behind it. */
@NeedsStack
@Timeout(60)
class LangChain4jTest {
  private static Stack stack;
  private static ChatModel model;

  @BeforeAll
  static void open() {
    stack = new Stack();
    model = HedgerowChatModel.builder().client(stack.client()).modelName("fast").build();
  }

  @AfterAll
  static void close() {
    stack.close();
  }

  @Test
  void aStreamGivesTheAnswerOfTheUnaryCall() throws Exception {
    ChatResponse unary = model.chat(UserMessage.from("Why is the sky blue?"));
    CompletableFuture<ChatResponse> streamed = new CompletableFuture<>();
    StringBuilder pieces = new StringBuilder();
    HedgerowStreamingChatModel.builder()
        .client(stack.client())
        .modelName("fast")
        .build()
        .chat(
            "Why is the sky blue?",
            new StreamingChatResponseHandler() {
              @Override
              public void onPartialResponse(String piece) {
                pieces.append(piece);
              }

              @Override
              public void onCompleteResponse(ChatResponse response) {
                streamed.complete(response);
              }

              @Override
              public void onError(Throwable failure) {
                streamed.completeExceptionally(failure);
              }
            });
    assertEquals(unary.aiMessage(), streamed.get(30, TimeUnit.SECONDS).aiMessage());
    assertEquals(unary.aiMessage().text(), pieces.toString());
    assertEquals(FinishReason.STOP, unary.finishReason());
    assertTrue(unary.tokenUsage().outputTokenCount() > 0);
  }

  @Test
  void aToolIsCalledAndItsResultAnswered() {
    ToolSpecification weather =
        ToolSpecification.builder()
            .name("weather")
            .description("The weather of a city")
            .parameters(JsonObjectSchema.builder().addStringProperty("city").required("city").build())
            .build();
    List<ChatMessage> messages = new ArrayList<>(List.of(UserMessage.from("Please call weather for Rome.")));
    ChatResponse first =
        model.chat(ChatRequest.builder().messages(messages).toolSpecifications(weather).build());
    assertEquals(FinishReason.TOOL_EXECUTION, first.finishReason());
    ToolExecutionRequest call = first.aiMessage().toolExecutionRequests().get(0);
    assertEquals("weather", call.name());
    assertTrue(call.arguments().contains("\"city\""), call.arguments());
    messages.add(first.aiMessage());
    messages.add(ToolExecutionResultMessage.from(call, "sunny"));
    ChatResponse second =
        model.chat(ChatRequest.builder().messages(messages).toolSpecifications(weather).build());
    assertEquals(FinishReason.STOP, second.finishReason());
    assertFalse(second.aiMessage().text().isEmpty());
  }

  @Test
  void aModelThatIsNotThereIsNotFound() {
    ChatModel missing = HedgerowChatModel.builder().client(stack.client()).modelName("fsat").build();
    assertThrows(ModelNotFoundException.class, () -> missing.chat("hi"));
  }
}
