package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;

/** The answer is whole and is not what was asked for, such as text that does not follow the schema. */
public final class MalformedAnswerException extends AnswerException {
  private static final long serialVersionUID = 1L;

  MalformedAnswerException(String message, CompleteResponse answer, Throwable cause) {
    super(message, answer, cause);
  }
}
