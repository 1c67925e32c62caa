package io.hedgerow.testing;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.PreconditionFailure;
import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.hedgerow.errors.v1.ErrorReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A failure of the gateway with the code and the details that it gives: {@code google.rpc.ErrorInfo} always, and by the
 * code {@code BadRequest}, {@code ResourceInfo}, {@code PreconditionFailure}, {@code QuotaFailure} and
 * {@code RetryInfo}. Immutable.
 *
 * <pre>{@code
 * Fault.of(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED).metadata("quota", "per-user").retryAfter(Duration.ofSeconds(3))
 * }</pre>
 */
public final class Fault {
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
  private static final Metadata.Key<String> PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  private final ErrorReason reason;
  private final String message;
  private final Map<String, String> metadata;
  private final List<BadRequest.FieldViolation> violations;
  private final Duration retryDelay;

  private Fault(
      ErrorReason reason,
      String message,
      Map<String, String> metadata,
      List<BadRequest.FieldViolation> violations,
      Duration retryDelay) {
    this.reason = reason;
    this.message = message;
    this.metadata = metadata;
    this.violations = violations;
    this.retryDelay = retryDelay;
  }

  /**
   * Gives the fault of a reason, with the code that the gateway gives it.
   *
   * @param reason the reason
   * @return the fault
   * @throws IllegalArgumentException when no call fails for this reason
   */
  public static Fault of(ErrorReason reason) {
    Reasons.code(reason);
    return new Fault(reason, "a scripted " + reason, Map.of(), List.of(), null);
  }

  /**
   * Sets the message of the status.
   *
   * @param message the message
   * @return a new fault
   */
  public Fault message(String message) {
    return new Fault(reason, message, metadata, violations, retryDelay);
  }

  /**
   * Adds to the metadata of {@code ErrorInfo}.
   *
   * @param key the key, such as {@code provider}
   * @param value the value
   * @return a new fault
   */
  public Fault metadata(String key, String value) {
    Map<String, String> more = new TreeMap<>(metadata);
    more.put(key, value);
    return new Fault(reason, message, Map.copyOf(more), violations, retryDelay);
  }

  /**
   * Adds to what is wrong with the request.
   *
   * @param field the path of the field, such as {@code chat.temperature}
   * @param description what is wrong with it
   * @return a new fault
   * @throws IllegalStateException when the reason is none of INVALID_ARGUMENT
   */
  public Fault violation(String field, String description) {
    if (getCode() != Status.Code.INVALID_ARGUMENT) {
      throw new IllegalStateException(reason + " is " + getCode() + ", which has no field violations");
    }
    List<BadRequest.FieldViolation> more = new ArrayList<>(violations);
    more.add(BadRequest.FieldViolation.newBuilder().setField(field).setDescription(description).build());
    return new Fault(reason, message, metadata, List.copyOf(more), retryDelay);
  }

  /**
   * Says when to make the call again. A channel of {@code HedgerowChannels} then does so by itself, once, for
   * UNAVAILABLE; without it the fault tells every client not to, so that a call takes one answer.
   *
   * @param delay the delay, 0 or more
   * @return a new fault
   */
  public Fault retryAfter(Duration delay) {
    if (delay.isNegative()) {
      throw new IllegalArgumentException("the delay must be 0 or more, not " + delay);
    }
    return new Fault(reason, message, metadata, violations, delay);
  }

  /**
   * Gives the code of the status.
   *
   * @return the code
   */
  public Status.Code getCode() {
    return Reasons.code(reason);
  }

  Status status() {
    return getCode().toStatus().withDescription(message);
  }

  Metadata trailers() {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(getCode().value()).setMessage(message);
    status.addDetails(
        Any.pack(
            ErrorInfo.newBuilder().setDomain("hedgerow").setReason(reason.name()).putAllMetadata(metadata).build()));
    if (!violations.isEmpty()) {
      status.addDetails(Any.pack(BadRequest.newBuilder().addAllFieldViolations(violations).build()));
    }
    byCode().ifPresent(detail -> status.addDetails(Any.pack(detail)));
    if (retryDelay != null) {
      status.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(proto(retryDelay)).build()));
    }
    Metadata trailers = new Metadata();
    trailers.put(DETAILS, status.build().toByteArray());
    trailers.put(PUSHBACK, retryDelay == null ? "-1" : Long.toString(retryDelay.toMillis()));
    return trailers;
  }

  private Optional<Message> byCode() {
    String subject = metadata.values().stream().findFirst().orElse("");
    return switch (getCode()) {
      case NOT_FOUND ->
          Optional.of(
              ResourceInfo.newBuilder()
                  .setResourceType(metadata.keySet().stream().findFirst().orElse(""))
                  .setResourceName(subject)
                  .setDescription(message)
                  .build());
      case FAILED_PRECONDITION ->
          Optional.of(
              PreconditionFailure.newBuilder()
                  .addViolations(
                      PreconditionFailure.Violation.newBuilder()
                          .setType(reason.name().substring("ERROR_REASON_".length()))
                          .setSubject(subject)
                          .setDescription(message))
                  .build());
      case RESOURCE_EXHAUSTED ->
          Optional.of(
              QuotaFailure.newBuilder()
                  .addViolations(QuotaFailure.Violation.newBuilder().setSubject(subject).setDescription(message))
                  .build());
      default -> Optional.empty();
    };
  }

  static com.google.protobuf.Duration proto(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }
}
