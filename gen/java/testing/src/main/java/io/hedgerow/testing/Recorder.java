package io.hedgerow.testing;

import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** Keeps what came in, and adds the trailers that the gateway has on every call. */
final class Recorder implements ServerInterceptor {
  static final Context.Key<RecordedCall> CALL = Context.key("io.hedgerow.testing.call");
  /** Cut connections have no trailers of the gateway. */
  static final Metadata.Key<String> CUT = Metadata.Key.of("io-hedgerow-testing-cut", Metadata.ASCII_STRING_MARSHALLER);

  private static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<byte[]> REPORT =
      Metadata.Key.of("hedgerow-report-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private final List<RecordedCall> calls = new CopyOnWriteArrayList<>();
  private final AtomicInteger ids = new AtomicInteger();

  List<RecordedCall> calls() {
    return List.copyOf(calls);
  }

  @Override
  public <ReqT, RespT> ServerCall.Listener<ReqT> interceptCall(
      ServerCall<ReqT, RespT> call, Metadata headers, ServerCallHandler<ReqT, RespT> next) {
    String given = headers.get(REQUEST_ID);
    RecordedCall record =
        new RecordedCall(
            call.getMethodDescriptor().getFullMethodName(),
            headers,
            given == null ? "fake-" + ids.incrementAndGet() : given);
    calls.add(record);
    ServerCall<ReqT, RespT> told =
        new SimpleForwardingServerCall<>(call) {
          @Override
          public void close(Status status, Metadata trailers) {
            if (trailers.removeAll(CUT) == null) {
              trailers.put(REQUEST_ID, record.requestId());
              trailers.put(REPORT, record.report().toByteArray());
            }
            super.close(status, trailers);
          }
        };
    return new SimpleForwardingServerCallListener<>(
        Contexts.interceptCall(Context.current().withValue(CALL, record), told, headers, next)) {
      @Override
      public void onMessage(ReqT message) {
        record.add((Message) message);
        super.onMessage(message);
      }

      @Override
      public void onCancel() {
        record.end(true);
        super.onCancel();
      }

      @Override
      public void onComplete() {
        record.end(false);
        super.onComplete();
      }
    };
  }
}
