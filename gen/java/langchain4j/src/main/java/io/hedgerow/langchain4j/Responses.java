package io.hedgerow.langchain4j;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.ToolCall;
import io.hedgerow.common.v1.Usage;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** Makes answers of LangChain4j of those of the gateway. */
final class Responses {
  /**
   * The attribute of a message that holds it as it came, in Base64. What providers attach to reasoning and tool calls
   * must go back to them unchanged, and has no place in the message otherwise.
   */
  static final String ORIGINAL = "hedgerow.message";

  private Responses() {}

  static ChatResponse of(CompleteResponse answer) {
    HedgerowResponseMetadata.Builder metadata =
        new HedgerowResponseMetadata.Builder()
            .answer(answer)
            .id(answer.getResponseId())
            .modelName(answer.getModel())
            .finishReason(finish(answer.getFinishReason()));
    if (answer.hasUsage()) {
      metadata.tokenUsage(usage(answer.getUsage()));
    }
    return ChatResponse.builder().aiMessage(message(answer.getMessage())).metadata(metadata.build()).build();
  }

  static AiMessage message(Message message) {
    AiMessage.Builder visible = new AiMessage.Builder();
    String text = join(message, Part::hasText, Part::getText) + join(message, Part::hasRefusal, Part::getRefusal);
    List<ToolExecutionRequest> calls =
        message.getContentList().stream().filter(Part::hasToolCall).map(part -> call(part.getToolCall())).toList();
    String thinking = join(message, Part::hasReasoning, part -> part.getReasoning().getText());
    visible.text(text.isEmpty() && !calls.isEmpty() ? null : text).toolExecutionRequests(calls);
    if (!thinking.isEmpty()) {
      visible.thinking(thinking);
    }
    if (!message.getContentList().stream().allMatch(Responses::isPlain)) {
      visible.attributes(Map.of(ORIGINAL, Base64.getEncoder().encodeToString(message.toByteArray())));
    }
    return visible.build();
  }

  /** The message that an answer was made of; empty where there is none, or the answer was changed since. */
  static Optional<Message> original(AiMessage message) {
    if (!(message.attributes().get(ORIGINAL) instanceof String encoded)) {
      return Optional.empty();
    }
    try {
      Message original = Message.parseFrom(Base64.getDecoder().decode(encoded));
      return message(original).equals(message) ? Optional.of(original) : Optional.empty();
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  static ToolExecutionRequest call(ToolCall call) {
    return ToolExecutionRequest.builder().id(call.getId()).name(call.getName()).arguments(call.getArguments()).build();
  }

  private static boolean isPlain(Part part) {
    return (part.hasText() || part.hasToolCall()) && !part.hasProviderState();
  }

  private static String join(Message message, Predicate<Part> kind, Function<Part, String> text) {
    return message.getContentList().stream().filter(kind).map(text).collect(Collectors.joining());
  }

  private static TokenUsage usage(Usage usage) {
    return new TokenUsage(
        Math.toIntExact(usage.getInputTokens()), Math.toIntExact(usage.getOutputTokens()));
  }

  private static FinishReason finish(io.hedgerow.chat.v1.FinishReason reason) {
    return switch (reason) {
      case FINISH_REASON_STOP -> FinishReason.STOP;
      case FINISH_REASON_LENGTH, FINISH_REASON_CONTEXT_LENGTH, FINISH_REASON_BUDGET -> FinishReason.LENGTH;
      case FINISH_REASON_TOOL_CALLS -> FinishReason.TOOL_EXECUTION;
      case FINISH_REASON_CONTENT_FILTER,
          FINISH_REASON_REFUSAL,
          FINISH_REASON_RECITATION,
          FINISH_REASON_GUARDRAIL ->
          FinishReason.CONTENT_FILTER;
      case FINISH_REASON_MALFORMED_TOOL_CALL,
          FINISH_REASON_MALFORMED_OUTPUT,
          FINISH_REASON_PAUSE,
          FINISH_REASON_OTHER,
          FINISH_REASON_UNSPECIFIED,
          UNRECOGNIZED ->
          FinishReason.OTHER;
    };
  }
}
