package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Part;
import java.util.stream.Collectors;

/** The model would not answer, or its provider or a guardrail held the answer back. */
public final class RefusedException extends AnswerException {
  private static final long serialVersionUID = 1L;

  private final String refusal;

  RefusedException(CompleteResponse answer) {
    // The words of the model stay out of the message, which goes to logs.
    super("the answer was refused: " + answer.getFinishReason(), answer, null);
    refusal =
        answer.getMessage().getContentList().stream()
            .filter(Part::hasRefusal)
            .map(Part::getRefusal)
            .collect(Collectors.joining());
  }

  /**
   * Gives what the model says for a reason.
   *
   * @return the model's words; empty where it was not the model that refused
   */
  public String getRefusal() {
    return refusal;
  }
}
