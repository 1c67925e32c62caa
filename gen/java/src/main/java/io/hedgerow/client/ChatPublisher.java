package io.hedgerow.client;

import io.grpc.ClientCall;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.function.Supplier;

/** Makes one call for each subscriber. */
final class ChatPublisher implements Flow.Publisher<StreamCompleteResponse> {
  private final Supplier<ClientCall<StreamCompleteRequest, StreamCompleteResponse>> calls;
  private final StreamCompleteRequest request;

  ChatPublisher(
      Supplier<ClientCall<StreamCompleteRequest, StreamCompleteResponse>> calls, StreamCompleteRequest request) {
    this.calls = calls;
    this.request = Objects.requireNonNull(request, "request");
  }

  @Override
  public void subscribe(Flow.Subscriber<? super StreamCompleteResponse> subscriber) {
    Objects.requireNonNull(subscriber, "subscriber");
    new ChatSubscription(calls.get(), request, subscriber).begin();
  }
}
