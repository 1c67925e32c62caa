package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;

/** The answer stopped before its end: at the limit of tokens, of the context or of a budget. */
public final class TruncatedException extends AnswerException {
  private static final long serialVersionUID = 1L;

  TruncatedException(CompleteResponse answer) {
    super("the answer stopped before its end: " + answer.getFinishReason(), answer, null);
  }
}
