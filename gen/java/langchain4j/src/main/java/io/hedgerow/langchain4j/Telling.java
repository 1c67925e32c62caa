package io.hedgerow.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.PartialToolCall;
import dev.langchain4j.model.chat.response.PartialToolCallContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.chat.v1.ToolCallStarted;
import io.hedgerow.client.ChatFold;
import io.hedgerow.client.HedgerowException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Flow;

/** Tells a handler of the events of one answer. */
final class Telling implements Flow.Subscriber<StreamCompleteResponse>, StreamingHandle {
  private final StreamingChatResponseHandler handler;
  private final ChatFold fold = new ChatFold();
  /** The tool calls by the part that they are. */
  private final Map<Integer, Call> calls = new HashMap<>();
  private Flow.Subscription subscription;
  private volatile boolean cancelled;

  /** A tool call on its way; handlers count them from 0. */
  private record Call(int index, ToolCallStarted started, StringBuilder arguments) {}

  Telling(StreamingChatResponseHandler handler) {
    this.handler = handler;
  }

  @Override
  public void onSubscribe(Flow.Subscription subscription) {
    this.subscription = subscription;
    subscription.request(1);
  }

  @Override
  public void onNext(StreamCompleteResponse event) {
    fold.add(event);
    try {
      tell(event);
    } catch (RuntimeException e) {
      cancel();
      handler.onError(e);
      return;
    }
    subscription.request(1);
  }

  @Override
  public void onError(Throwable failure) {
    handler.onError(failure instanceof HedgerowException e ? Failures.of(e) : failure);
  }

  @Override
  public void onComplete() {
    try {
      handler.onCompleteResponse(Responses.of(fold.finish()));
    } catch (RuntimeException e) {
      handler.onError(e);
    }
  }

  @Override
  public void cancel() {
    cancelled = true;
    subscription.cancel();
  }

  @Override
  public boolean isCancelled() {
    return cancelled;
  }

  private void tell(StreamCompleteResponse event) {
    switch (event.getEventCase()) {
      case TEXT_DELTA -> text(event.getTextDelta().getText());
      case REFUSAL_DELTA -> text(event.getRefusalDelta().getText());
      case REASONING_DELTA -> thinking(event.getReasoningDelta().getText());
      case TOOL_CALL_STARTED ->
          calls.put(
              event.getToolCallStarted().getPartIndex(),
              new Call(calls.size(), event.getToolCallStarted(), new StringBuilder()));
      case TOOL_CALL_ARGUMENTS_DELTA ->
          arguments(
              calls.get(event.getToolCallArgumentsDelta().getPartIndex()),
              event.getToolCallArgumentsDelta().getArguments());
      case TOOL_CALL_ENDED -> ended(calls.get(event.getToolCallEnded().getPartIndex()));
      default -> { }
    }
  }

  private void text(String text) {
    if (!text.isEmpty()) {
      handler.onPartialResponse(new PartialResponse(text), new PartialResponseContext(this));
    }
  }

  private void thinking(String text) {
    if (!text.isEmpty()) {
      handler.onPartialThinking(new PartialThinking(text), new PartialThinkingContext(this));
    }
  }

  private void arguments(Call call, String piece) {
    call.arguments.append(piece);
    if (!piece.isEmpty()) {
      PartialToolCall partial =
          PartialToolCall.builder()
              .index(call.index)
              .id(call.started.getId())
              .name(call.started.getName())
              .partialArguments(piece)
              .build();
      handler.onPartialToolCall(partial, new PartialToolCallContext(this));
    }
  }

  private void ended(Call call) {
    ToolExecutionRequest whole =
        ToolExecutionRequest.builder()
            .id(call.started.getId())
            .name(call.started.getName())
            .arguments(call.arguments.isEmpty() ? "{}" : call.arguments.toString())
            .build();
    handler.onCompleteToolCall(new CompleteToolCall(call.index, whole));
  }
}
