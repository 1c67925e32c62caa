package io.hedgerow.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.CompletableFuture;

/** A unary call as a future. Whatever else ends the future, such as a timeout, cancels the call. */
final class UnaryFuture<RespT> extends ClientCall.Listener<RespT> {
  private final CompletableFuture<RespT> future = new CompletableFuture<>();
  private RespT answer;

  private UnaryFuture() {}

  static <ReqT, RespT> CompletableFuture<RespT> start(
      Channel channel, MethodDescriptor<ReqT, RespT> method, CallOptions options, ReqT request) {
    ClientCall<ReqT, RespT> call = channel.newCall(method, options);
    UnaryFuture<RespT> listener = new UnaryFuture<>();
    call.start(listener, new Metadata());
    call.request(2); // The second would be one too many, and gRPC says so.
    call.sendMessage(request);
    call.halfClose();
    listener.future.whenComplete(
        (value, failure) -> {
          if (failure != null) {
            call.cancel("the future ended before the call", failure);
          }
        });
    return listener.future;
  }

  @Override
  public void onMessage(RespT message) {
    answer = message;
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    if (status.isOk() && answer == null) {
      status = Status.INTERNAL.withDescription("the call ended without an answer");
    }
    if (status.isOk()) {
      future.complete(answer);
    } else {
      future.completeExceptionally(HedgerowException.from(new StatusRuntimeException(status, trailers)));
    }
  }
}
