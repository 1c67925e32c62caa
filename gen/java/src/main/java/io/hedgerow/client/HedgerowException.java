package io.hedgerow.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.hedgerow.common.v1.CallReport;
import io.hedgerow.errors.v1.ErrorReason;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A failed call, with what the gateway says about it.
 *
 * <p>It is a {@link StatusRuntimeException}, so whatever handles the exceptions of stubs (interceptors, frameworks,
 * {@link Status#fromThrowable}) handles it too; the exception that it was read from is its cause. Where no details
 * came, because the call failed before it reached a gateway or a proxy dropped them, the accessors give empty values
 * and {@link #getReason()} is {@link ErrorReason#ERROR_REASON_UNSPECIFIED}.
 *
 * <p>Decide by {@link #getReason()} or {@link #getCode()}, never by the message: reasons are stable, messages are not.
 */
public class HedgerowException extends StatusRuntimeException {
  private static final long serialVersionUID = 1L;
  private static final String DOMAIN = "hedgerow";
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private final transient com.google.rpc.Status details;
  private final transient CallTrailers callTrailers;

  /**
   * Makes the exception of a status.
   *
   * @param status how the call ended
   * @param trailers the trailers of the call, or null where none came
   */
  protected HedgerowException(Status status, Metadata trailers) {
    super(status, trailers);
    details = details(trailers);
    callTrailers = CallTrailers.from(trailers);
  }

  /**
   * Reads what a stub threw.
   *
   * @param exception what a blocking stub threw
   * @return the same failure with its details; the argument itself when it has them already
   */
  public static HedgerowException from(StatusRuntimeException exception) {
    if (exception instanceof HedgerowException already) {
      return already;
    }
    return new HedgerowException(exception.getStatus().withCause(exception), exception.getTrailers());
  }

  /**
   * Reads what a stub threw.
   *
   * @param exception what a stub with checked exceptions threw
   * @return the same failure with its details
   */
  public static HedgerowException from(StatusException exception) {
    return new HedgerowException(exception.getStatus().withCause(exception), exception.getTrailers());
  }

  /**
   * Gives the code of the call's status.
   *
   * @return the code
   */
  public Status.Code getCode() {
    return getStatus().getCode();
  }

  /**
   * Gives the reason.
   *
   * @return the reason; {@link ErrorReason#UNRECOGNIZED} for one that is newer than this client, see
   *     {@link #getRawReason()}; {@link ErrorReason#ERROR_REASON_UNSPECIFIED} where the gateway gave none
   */
  public ErrorReason getReason() {
    String raw = getRawReason();
    if (raw.isEmpty()) {
      return ErrorReason.ERROR_REASON_UNSPECIFIED;
    }
    try {
      return ErrorReason.valueOf(raw);
    } catch (IllegalArgumentException e) {
      return ErrorReason.UNRECOGNIZED;
    }
  }

  /**
   * Gives the reason as it came.
   *
   * @return the name of an {@link ErrorReason}, known to this client or not; empty where the gateway gave none
   */
  public String getRawReason() {
    return info().map(ErrorInfo::getReason).orElse("");
  }

  /**
   * Gives the sentence for a person, without the code that {@link #getMessage()} puts before it.
   *
   * @return the description; empty where none came
   */
  public String getDescription() {
    String description = getStatus().getDescription();
    return description == null ? "" : description;
  }

  /**
   * Gives the variable parts of the message by lowerCamelCase key, such as {@code provider} or {@code limitBytes}.
   *
   * @return the metadata of the error; empty where none came
   */
  public Map<String, String> getMetadata() {
    return info().map(ErrorInfo::getMetadataMap).orElse(Map.of());
  }

  /**
   * Gives what is wrong with the request, field by field.
   *
   * @return the violations; empty unless the code is INVALID_ARGUMENT
   */
  public List<BadRequest.FieldViolation> getFieldViolations() {
    return getDetail(BadRequest.class).map(BadRequest::getFieldViolationsList).orElse(List.of());
  }

  /**
   * Gives how long to wait before the call is made again.
   *
   * @return the delay; empty where the gateway gives none
   */
  public Optional<Duration> getRetryDelay() {
    return getDetail(RetryInfo.class)
        .filter(RetryInfo::hasRetryDelay)
        .map(RetryInfo::getRetryDelay)
        .map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
  }

  /**
   * Gives the id of the call, by which its gateway finds it in logs and traces.
   *
   * @return the id; empty when the call did not reach a gateway
   */
  public Optional<String> getRequestId() {
    return callTrailers == null ? Optional.empty() : callTrailers.getRequestId();
  }

  /**
   * Gives the record of the call: attempts, usage, cost.
   *
   * @return the report; empty when the call did not reach a gateway
   */
  public Optional<CallReport> getReport() {
    return callTrailers == null ? Optional.empty() : callTrailers.getReport();
  }

  /**
   * Gives any other detail of the status, such as {@code google.rpc.ResourceInfo} or {@code google.rpc.QuotaFailure}.
   *
   * @param type the class of the detail
   * @param <T> the class of the detail
   * @return the detail; empty where the status has none of this class
   */
  public <T extends Message> Optional<T> getDetail(Class<T> type) {
    if (details == null) {
      return Optional.empty();
    }
    for (Any detail : details.getDetailsList()) {
      if (detail.is(type)) {
        try {
          return Optional.of(detail.unpack(type));
        } catch (InvalidProtocolBufferException e) {
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }

  private Optional<ErrorInfo> info() {
    return getDetail(ErrorInfo.class).filter(info -> DOMAIN.equals(info.getDomain()));
  }

  /** Read leniently: details that cannot be read must not hide the failure itself. */
  private static com.google.rpc.Status details(Metadata trailers) {
    byte[] bytes = trailers == null ? null : trailers.get(DETAILS);
    if (bytes == null) {
      return null;
    }
    try {
      return com.google.rpc.Status.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }
}
