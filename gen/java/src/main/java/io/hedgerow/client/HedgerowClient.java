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
import io.hedgerow.chat.v1.StreamCompleteResponse;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
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
 * <p>There are three styles. Methods that wait hold no lock while they do, so a virtual thread that calls one gives its
 * carrier back. Those whose names end in {@code Async} give a {@link CompletableFuture}, which completes on a thread of
 * the channel: continue with the {@code Async} methods of the future where the continuation blocks. {@link #publish}
 * gives events as a {@link Flow.Publisher}.
 *
 * <p>Every call that fails does so with {@link HedgerowException}. Without a deadline the gateway's own default
 * holds, 10 minutes unless it is configured otherwise. Metadata, tracing and the trailers of successful calls are the
 * business of interceptors on the channel, see {@link CallTrailers#interceptor}.
 */
public final class HedgerowClient {
  private final Channel channel;
  private final Duration deadline;
  private final StructuredFormat format;

  private HedgerowClient(Channel channel, Duration deadline, StructuredFormat format) {
    this.channel = channel;
    this.deadline = deadline;
    this.format = format;
  }

  /**
   * Gives a client without a deadline of its own.
   *
   * @param channel the channel, as {@link HedgerowChannels} opens it; it stays the caller's to shut down
   * @return the client
   */
  public static HedgerowClient on(Channel channel) {
    return new HedgerowClient(Objects.requireNonNull(channel, "channel"), null, null);
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
    return new HedgerowClient(channel, deadline, format);
  }

  /**
   * Gives a client that makes schemas and reads answers in another way than the one on the class path.
   *
   * @param format how {@link #decode} makes schemas and reads answers
   * @return a new client on the same channel
   */
  public HedgerowClient withStructuredFormat(StructuredFormat format) {
    return new HedgerowClient(channel, deadline, Objects.requireNonNull(format, "format"));
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
   * Asks for an answer in one piece.
   *
   * @param request what is asked
   * @return the answer to come; a future that ends in another way, such as by {@code cancel} or {@code orTimeout},
   *     cancels the call
   */
  public CompletableFuture<CompleteResponse> completeAsync(CompleteRequest request) {
    return UnaryFuture.start(channel, ChatServiceGrpc.getCompleteMethod(), options(), request);
  }

  /**
   * Asks for an answer that follows the schema of a class, waits for it and reads it.
   *
   * <pre>{@code
   * record Place(String city, String country) {}
   *
   * Place place = client.decode(request, Place.class).value();
   * }</pre>
   *
   * @param request what is asked; unless it has a response format, it gets the schema of the class, to be followed
   *     exactly
   * @param type the class, such as a record
   * @param <T> the class
   * @return the value, and the answer that it was read from
   * @throws HedgerowException when the call fails
   * @throws RefusedException when the model, its provider or a guardrail refused
   * @throws TruncatedException when the answer stopped before its end
   * @throws MalformedAnswerException when the answer is not of the class, or asks for a tool instead
   * @throws IllegalArgumentException when the class has no schema
   * @throws IllegalStateException when nothing on the class path reads JSON, as {@code hedgerow-jackson} does
   */
  public <T> Decoded<T> decode(CompleteRequest request, Class<T> type) {
    StructuredFormat chosen = format == null ? StructuredFormat.onClassPath() : format;
    return chosen.decode(complete(chosen.ask(request, type)), type);
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
   * Asks for an answer as events that are pushed. Every subscriber makes a call of its own, and pays for it; no
   * subscriber, no call.
   *
   * <p>An event is taken from the connection only when the subscriber requested it, so a slow one slows the gateway.
   * Signals come on a thread of the channel: a subscriber must not block in them. {@code onComplete} comes only after
   * {@code Completed}; {@code onError} has a {@link HedgerowException}, or {@link BrokenStreamException} for a stream
   * that breaks the contract. Cancelling the subscription cancels the call.
   *
   * @param request what is asked
   * @return the events, {@code Completed} last; a {@link ChatFold} makes an answer of them
   */
  public Flow.Publisher<StreamCompleteResponse> publish(StreamCompleteRequest request) {
    return new ChatPublisher(
        () -> channel.newCall(ChatServiceGrpc.getStreamCompleteMethod(), options()), request);
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
   * Turns a batch of inputs into vectors.
   *
   * @param request what is asked
   * @return the vectors to come; a future that ends in another way cancels the call
   */
  public CompletableFuture<EmbedResponse> embedAsync(EmbedRequest request) {
    return UnaryFuture.start(channel, EmbedServiceGrpc.getEmbedMethod(), options(), request);
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

  /**
   * Lists a page of the models that the caller may use.
   *
   * @param request which page
   * @return the page to come; a future that ends in another way cancels the call
   */
  public CompletableFuture<ListModelsResponse> listModelsAsync(ListModelsRequest request) {
    return UnaryFuture.start(channel, RouterServiceGrpc.getListModelsMethod(), options(), request);
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
