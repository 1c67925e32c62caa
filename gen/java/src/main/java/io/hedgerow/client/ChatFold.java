package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Completed;
import io.hedgerow.chat.v1.GuardrailVerdict;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.RouteChange;
import io.hedgerow.chat.v1.RouteChangeAction;
import io.hedgerow.chat.v1.Started;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.common.v1.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Folds the events of a streamed answer into the answer that a unary call gives. {@link ChatStream} does it by itself;
 * use this class with the events of an asynchronous stub. Not safe for use by several threads.
 */
public final class ChatFold {
  static final String CUT = "the stream ended without Completed: the answer is cut";

  private final Sequence sequence = new Sequence();
  private final SortedMap<Integer, PartFold> parts = new TreeMap<>();
  private final List<GuardrailVerdict> verdicts = new ArrayList<>();
  private boolean begun;
  private Started started = Started.getDefaultInstance();
  private Usage usage;
  private Completed completed;

  /** Makes a fold of no events. */
  public ChatFold() {}

  /**
   * Takes the next event. Events that this client does not know are ignored.
   *
   * @param event the event
   * @throws BrokenStreamException when the event cannot follow those before it
   */
  public void add(StreamCompleteResponse event) {
    sequence.check(event.getSequence());
    if (completed != null) {
      throw new BrokenStreamException("an event came after Completed");
    }
    switch (event.getEventCase()) {
      case STARTED -> start(event.getStarted());
      case TEXT_DELTA -> part(event.getTextDelta().getPartIndex()).text(event.getTextDelta());
      case REFUSAL_DELTA -> part(event.getRefusalDelta().getPartIndex()).refusal(event.getRefusalDelta());
      case REASONING_DELTA -> part(event.getReasoningDelta().getPartIndex()).reasoning(event.getReasoningDelta());
      case TOOL_CALL_STARTED -> part(event.getToolCallStarted().getPartIndex()).toolCall(event.getToolCallStarted());
      case TOOL_CALL_ARGUMENTS_DELTA ->
          part(event.getToolCallArgumentsDelta().getPartIndex()).arguments(event.getToolCallArgumentsDelta());
      case CITATION_ADDED -> part(event.getCitationAdded().getPartIndex()).citation(event.getCitationAdded());
      case LOGPROBS_DELTA -> part(event.getLogprobsDelta().getPartIndex()).logprobs(event.getLogprobsDelta());
      case MEDIA_DELTA -> part(event.getMediaDelta().getPartIndex()).media(event.getMediaDelta());
      case PROVIDER_ITEM_ADDED -> part(event.getProviderItemAdded().getPartIndex()).item(event.getProviderItemAdded());
      case PROVIDER_STATE_ATTACHED ->
          part(event.getProviderStateAttached().getPartIndex()).state(event.getProviderStateAttached());
      case GUARDRAIL_VERDICT -> verdicts.add(event.getGuardrailVerdict());
      case ROUTE_CHANGE -> change(event.getRouteChange());
      case USAGE_UPDATE -> usage = event.getUsageUpdate().getUsage();
      case COMPLETED -> completed = event.getCompleted();
      case TOOL_CALL_ENDED, EVENT_NOT_SET -> { }
    }
  }

  /**
   * Tells whether {@code Completed} has come.
   *
   * @return whether the answer is whole
   */
  public boolean isComplete() {
    return completed != null;
  }

  /**
   * Gives the answer.
   *
   * @return the answer, as {@code ChatService.Complete} would have given it
   * @throws BrokenStreamException when {@code Completed} has not come
   */
  public CompleteResponse finish() {
    if (completed == null) {
      throw new BrokenStreamException(CUT);
    }
    return partial();
  }

  /**
   * Gives what has come so far, to show it or to log it. Never take it for an answer.
   *
   * @return the answer so far; without a finish reason unless it is complete
   */
  public CompleteResponse partial() {
    Message.Builder message = Message.newBuilder().setRole(Role.ROLE_ASSISTANT);
    parts.values().forEach(part -> part.build().ifPresent(message::addContent));
    CompleteResponse.Builder answer =
        CompleteResponse.newBuilder()
            .setMessage(message)
            .setProvider(started.getProvider())
            .setModel(started.getModel())
            .addAllWarnings(started.getWarningsList())
            .setResponseId(started.getResponseId())
            .addAllGuardrailVerdicts(verdicts);
    if (started.hasCacheOrigin()) {
      answer.setCacheOrigin(started.getCacheOrigin());
    }
    if (usage != null) {
      answer.setUsage(usage);
    }
    if (completed != null) {
      complete(answer);
    }
    return answer.build();
  }

  private void complete(CompleteResponse.Builder answer) {
    answer
        .setFinishReasonValue(completed.getFinishReasonValue())
        .setNativeFinishReason(completed.getNativeFinishReason())
        .setPriceVersion(completed.getPriceVersion())
        .addAllAttempts(completed.getAttemptsList())
        .setStopSequence(completed.getStopSequence());
    if (completed.hasUsage()) {
      answer.setUsage(completed.getUsage());
    }
    if (completed.hasCostPicos()) {
      answer.setCostPicos(completed.getCostPicos());
    }
    if (completed.hasChargedPicos()) {
      answer.setChargedPicos(completed.getChargedPicos());
    }
  }

  private void start(Started event) {
    if (begun) {
      throw new BrokenStreamException("the stream started twice");
    }
    begun = true;
    started = event;
  }

  private PartFold part(int index) {
    return parts.computeIfAbsent(index, PartFold::new);
  }

  private void change(RouteChange change) {
    if (change.getAction() != RouteChangeAction.ROUTE_CHANGE_ACTION_DISCARD_OUTPUT) {
      throw new BrokenStreamException(
          "the route changed with action " + change.getActionValue() + ", which this client does not know");
    }
    // Verdicts stay: they are about the call, not about the answer alone.
    parts.clear();
    usage = null;
    started =
        Started.newBuilder()
            .setProvider(change.getToProvider())
            .setModel(change.getToModel())
            .addAllWarnings(change.getWarningsList())
            .setResponseId(change.getResponseId())
            .build();
  }
}
