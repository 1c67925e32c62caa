package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Part;
import java.util.List;
import java.util.stream.Collectors;

/** Reads answers: a call that went well may still have been refused, or have stopped before its end. */
public final class Answers {
  private Answers() {}

  /**
   * Gives the text of an answer that is whole.
   *
   * @param answer the answer
   * @return its text parts, joined; empty where it has none, such as when it only calls tools
   * @throws RefusedException when the model, its provider or a guardrail refused
   * @throws TruncatedException when the answer stopped before its end
   * @throws MalformedAnswerException when the provider says that what the model wrote is of no use
   */
  public static String text(CompleteResponse answer) {
    requireWhole(answer);
    return answer.getMessage().getContentList().stream()
        .filter(Part::hasText)
        .map(Part::getText)
        .collect(Collectors.joining());
  }

  /**
   * Returns when an answer is whole, a request to call tools included, and throws otherwise.
   *
   * @param answer the answer
   * @throws RefusedException when the model, its provider or a guardrail refused
   * @throws TruncatedException when the answer stopped before its end
   * @throws MalformedAnswerException when the provider says that what the model wrote is of no use
   */
  public static void requireWhole(CompleteResponse answer) {
    List<Part> parts = answer.getMessage().getContentList();
    if (parts.stream().anyMatch(Part::hasRefusal)) {
      throw new RefusedException(answer);
    }
    switch (answer.getFinishReason()) {
      case FINISH_REASON_REFUSAL,
          FINISH_REASON_CONTENT_FILTER,
          FINISH_REASON_RECITATION,
          FINISH_REASON_GUARDRAIL ->
          throw new RefusedException(answer);
      case FINISH_REASON_LENGTH, FINISH_REASON_CONTEXT_LENGTH, FINISH_REASON_BUDGET, FINISH_REASON_PAUSE ->
          throw new TruncatedException(answer);
      case FINISH_REASON_MALFORMED_OUTPUT, FINISH_REASON_MALFORMED_TOOL_CALL ->
          throw new MalformedAnswerException("the provider calls the answer malformed", answer, null);
      case FINISH_REASON_STOP,
          FINISH_REASON_TOOL_CALLS,
          FINISH_REASON_OTHER,
          FINISH_REASON_UNSPECIFIED,
          UNRECOGNIZED -> { }
    }
  }
}
