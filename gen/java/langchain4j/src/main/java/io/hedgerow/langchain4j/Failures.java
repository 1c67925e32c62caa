package io.hedgerow.langchain4j;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.ContentFilteredException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.errors.v1.ErrorReason;
import java.util.Set;

/** Makes failures of LangChain4j, some of which it retries, of those of the gateway. */
final class Failures {
  private static final Set<ErrorReason> REFUSED =
      Set.of(ErrorReason.ERROR_REASON_CONTENT_REFUSED, ErrorReason.ERROR_REASON_GUARDRAIL_BLOCKED);

  private Failures() {}

  static LangChain4jException of(HedgerowException e) {
    String message = e.getMessage();
    if (REFUSED.contains(e.getReason())) {
      return new ContentFilteredException(message, e);
    }
    if (e.getReason() == ErrorReason.ERROR_REASON_PROVIDER_THROTTLED) {
      return new RateLimitException(message, e);
    }
    return switch (e.getCode()) {
      case UNAUTHENTICATED, PERMISSION_DENIED -> new AuthenticationException(message, e);
      case NOT_FOUND -> new ModelNotFoundException(message, e);
      case INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED, OUT_OF_RANGE ->
          new InvalidRequestException(message, e);
      case RESOURCE_EXHAUSTED -> new RateLimitException(message, e);
      case DEADLINE_EXCEEDED -> new TimeoutException(message, e);
      case UNAVAILABLE, INTERNAL, DATA_LOSS, UNKNOWN, ABORTED -> new InternalServerException(message, e);
      default -> new LangChain4jException(message, e);
    };
  }
}
