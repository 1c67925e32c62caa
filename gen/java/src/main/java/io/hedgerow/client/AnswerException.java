package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.FinishReason;

/**
 * An answer that came and cannot be used for what was asked. The call itself went well and was charged: it is no
 * {@link HedgerowException}.
 */
public abstract sealed class AnswerException extends RuntimeException
    permits RefusedException, TruncatedException, MalformedAnswerException {
  private static final long serialVersionUID = 1L;

  private final transient CompleteResponse answer;

  AnswerException(String message, CompleteResponse answer, Throwable cause) {
    super(message, cause);
    this.answer = answer;
  }

  /**
   * Gives the answer as it came, with its usage and its cost.
   *
   * @return the answer; null after the exception was serialized
   */
  public CompleteResponse getAnswer() {
    return answer;
  }

  /**
   * Gives why the model stopped.
   *
   * @return the reason; unspecified after the exception was serialized
   */
  public FinishReason getFinishReason() {
    return answer == null ? FinishReason.FINISH_REASON_UNSPECIFIED : answer.getFinishReason();
  }
}
