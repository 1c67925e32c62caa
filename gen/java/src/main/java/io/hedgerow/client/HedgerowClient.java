package io.hedgerow.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.hedgerow.chat.v1.ChatServiceGrpc;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.embed.v1.EmbedRequest;
import io.hedgerow.embed.v1.EmbedResponse;
import io.hedgerow.embed.v1.EmbedServiceGrpc;
import io.hedgerow.embed.v1.StreamEmbedItem;
import io.hedgerow.embed.v1.StreamEmbedOptions;
import io.hedgerow.router.v1.ListModelsRequest;
import io.hedgerow.router.v1.ListModelsResponse;
import io.hedgerow.router.v1.RouterServiceGrpc;
import java.time.Duration;
import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * Makes the gateway's calls. Immutable, safe for use by many threads, and free to make: the channel is what costs.
 *
 * <pre>{@code
 * HedgerowClient client = HedgerowClient.on(channel).withDeadline(Duration.ofMinutes(2));
 * try (ChatStream events = client.stream(request)) {
 *   for (StreamCompleteResponse event : events) {
 *     System.out.print(event.getTextDelta().getText());
 *   }
 *   history.add(events.collect().getMessage());
 * }
 * }</pre>
 *
 * <p>Every method throws {@link HedgerowException} when its call fails. Without a deadline the gateway's own default
 * holds, 10 minutes unless it is configured otherwise. Metadata, tracing and the trailers of successful calls are the
 * business of interceptors on the channel, see {@link CallTrailers#interceptor}.
 */
public final class HedgerowClient {
  private final Channel channel;
  private final Duration deadline;

  private HedgerowClient(Channel channel, Duration deadline) {
    this.channel = channel;
    this.deadline = deadline;
  }

  /**
   * Gives a client without a deadline of its own.
   *
   * @param channel the channel, as {@link HedgerowChannels} opens it; it stays the caller's to shut down
   * @return the client
   */
  public static HedgerowClient on(Channel channel) {
    return new HedgerowClient(Objects.requireNonNull(channel, "channel"), null);
  }

  /**
   * Gives a client whose calls end with DEADLINE_EXCEEDED after a time, for a stream its last event included.
   *
   * @param deadline the time that each call has, counted from its start, above 0
   * @return a new client on the same channel
   */
  public HedgerowClient withDeadline(Duration deadline) {
    if (deadline.isZero() || deadline.isNegative()) {
      throw new IllegalArgumentException("the deadline must be above 0, not " + deadline);
    }
    return new HedgerowClient(channel, deadline);
  }

  /**
   * Asks for an answer in one piece and waits for it.
   *
   * @param request what is asked
   * @return the answer
   * @throws HedgerowException when the call fails
   */
  public CompleteResponse complete(CompleteRequest request) {
    return unary(ChatServiceGrpc.getCompleteMethod(), request);
  }

  /**
   * Asks for an answer as events. Returns at once: failures show when the events are read.
   *
   * @param request what is asked
   * @return the events; close them, or the call goes on until its deadline
   */
  public ChatStream stream(StreamCompleteRequest request) {
    return new ChatStream(
        ServerMessages.start(channel.newCall(ChatServiceGrpc.getStreamCompleteMethod(), options())), request);
  }

  /**
   * Turns a batch of inputs into vectors and waits for them.
   *
   * @param request what is asked
   * @return the vectors, in the order of the inputs
   * @throws HedgerowException when the call fails
   */
  public EmbedResponse embed(EmbedRequest request) {
    return unary(EmbedServiceGrpc.getEmbedMethod(), request);
  }

  /**
   * Turns any number of inputs into vectors. Returns at once: failures show when the results are read.
   *
   * @param options what holds for all inputs
   * @param items the inputs; read on the thread that reads the results, only as fast as the gateway takes them
   * @return the results, in the order of the inputs; close them, or the call goes on until its deadline
   */
  public EmbedStream streamEmbed(StreamEmbedOptions options, Iterator<StreamEmbedItem> items) {
    return new EmbedStream(
        ServerMessages.start(channel.newCall(EmbedServiceGrpc.getStreamEmbedMethod(), options())), options, items);
  }

  /**
   * Lists a page of the models that the caller may use.
   *
   * @param request which page
   * @return the page
   * @throws HedgerowException when the call fails
   */
  public ListModelsResponse listModels(ListModelsRequest request) {
    return unary(RouterServiceGrpc.getListModelsMethod(), request);
  }

  private <ReqT, RespT> RespT unary(MethodDescriptor<ReqT, RespT> method, ReqT request) {
    try {
      return ClientCalls.blockingUnaryCall(channel, method, options(), request);
    } catch (StatusRuntimeException e) {
      throw HedgerowException.from(e);
    }
  }

  private CallOptions options() {
    return deadline == null
        ? CallOptions.DEFAULT
        : CallOptions.DEFAULT.withDeadlineAfter(deadline.toNanos(), TimeUnit.NANOSECONDS);
  }
}
