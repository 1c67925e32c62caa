package io.hedgerow.client;

import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.hedgerow.common.v1.CallReport;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/** What the gateway tells in the trailers of every call, failed or not: the request id and the report. */
public final class CallTrailers {
  private static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<byte[]> REPORT =
      Metadata.Key.of("hedgerow-report-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private final String requestId;
  private final CallReport report;

  private CallTrailers(String requestId, CallReport report) {
    this.requestId = requestId;
    this.report = report;
  }

  /**
   * Reads trailers.
   *
   * @param trailers the trailers of a call; null, as gRPC gives it where none came, is the same as none
   * @return what they hold
   */
  public static CallTrailers from(Metadata trailers) {
    return trailers == null
        ? new CallTrailers(null, null)
        : new CallTrailers(trailers.get(REQUEST_ID), parse(trailers.get(REPORT)));
  }

  /**
   * Gives an interceptor that hands over the trailers of each call when it ends, for stubs and for
   * {@link HedgerowClient} alike:
   *
   * <pre>{@code
   * Channel observed = ClientInterceptors.intercept(channel, CallTrailers.interceptor(trailers -> log(trailers)));
   * }</pre>
   *
   * @param consumer gets the trailers before the caller gets the end of the call, on a thread of the channel: it must
   *     not block
   * @return the interceptor
   */
  public static ClientInterceptor interceptor(Consumer<CallTrailers> consumer) {
    return new Interceptor(Objects.requireNonNull(consumer, "consumer"));
  }

  /**
   * Gives the id of the call, by which its gateway finds it in logs and traces.
   *
   * @return the id, or empty when the call did not reach a gateway
   */
  public Optional<String> getRequestId() {
    return Optional.ofNullable(requestId);
  }

  /**
   * Gives the record of the call: attempts, usage, cost.
   *
   * @return the report, or empty when the call did not reach a gateway
   */
  public Optional<CallReport> getReport() {
    return Optional.ofNullable(report);
  }

  /** A report that cannot be read never turns an answer into a failure. */
  private static CallReport parse(byte[] bytes) {
    if (bytes == null) {
      return null;
    }
    try {
      return CallReport.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  private record Interceptor(Consumer<CallTrailers> consumer) implements ClientInterceptor {
    @Override
    public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
        MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<RespT> listener, Metadata headers) {
          super.start(
              new SimpleForwardingClientCallListener<>(listener) {
                @Override
                public void onClose(Status status, Metadata trailers) {
                  try {
                    consumer.accept(CallTrailers.from(trailers));
                  } finally {
                    super.onClose(status, trailers);
                  }
                }
              },
              headers);
        }
      };
    }
  }
}
