package io.hedgerow.testing;

import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerInterceptors;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.client.HedgerowChannels;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.embed.v1.EmbedInput;
import io.hedgerow.errors.v1.ErrorReason;
import io.hedgerow.router.v1.ListModelsRequest;
import io.hedgerow.router.v1.ListModelsResponse;
import io.hedgerow.router.v1.Model;
import io.hedgerow.router.v1.RouterServiceGrpc.RouterServiceImplBase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * A gateway for tests. Each chat takes the next answer that was {@linkplain #enqueue enqueued}, in the order in which
 * the calls come; when there is none left, what {@link #otherwise} says, and without that the call fails with
 * FAILED_PRECONDITION. Close it at the end of the test. Safe for use by many threads.
 *
 * <pre>{@code
 * try (FakeGateway gateway = FakeGateway.start()) {
 *   gateway.enqueue(Answer.text("Paris"));
 *   assertEquals("Paris", new Geographer(gateway.client()).capitalOf("France"));
 *   assertEquals("fast", gateway.calls().get(0).getChat().getModel());
 * }
 * }</pre>
 *
 * <p>Embeddings are answered by {@link #vectors}, the list of models by {@link #models}; other calls are UNIMPLEMENTED.
 */
public final class FakeGateway implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 5;

  private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
  private final Recorder recorder = new Recorder();
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "hedgerow-fake-gateway");
            thread.setDaemon(true);
            return thread;
          });
  private final Server server;
  private final ManagedChannel channel;
  private volatile Function<ChatSpec, Answer> otherwise;
  private volatile Function<EmbedInput, float[]> vectors = FakeGateway::vector;
  private volatile List<String> models = List.of();

  private FakeGateway(ServerBuilder<?> builder, Function<Server, ManagedChannel> dial) {
    builder
        .addService(ServerInterceptors.intercept(new FakeChat(this::next, clock), recorder))
        .addService(ServerInterceptors.intercept(new FakeEmbedder(input -> vectors.apply(input)), recorder))
        .addService(ServerInterceptors.intercept(new Models(), recorder));
    try {
      server = builder.build().start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    channel = dial.apply(server);
  }

  /**
   * Starts a gateway that only this process reaches.
   *
   * @return the gateway
   */
  public static FakeGateway start() {
    String name = InProcessServerBuilder.generateName();
    return new FakeGateway(
        InProcessServerBuilder.forName(name), server -> InProcessChannelBuilder.forName(name).build());
  }

  /**
   * Starts a gateway on a free port of the loopback address, for programs that open their channels themselves.
   *
   * @return the gateway; {@link #target()} says where it is, and it speaks plaintext
   */
  public static FakeGateway listen() {
    return new FakeGateway(
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
        server -> HedgerowChannels.to(target(server)).plaintext().open());
  }

  /**
   * Gives a client of the gateway, without a deadline.
   *
   * @return a client on {@link #channel()}
   */
  public HedgerowClient client() {
    return HedgerowClient.on(channel);
  }

  /**
   * Gives the channel to the gateway, which ends with it.
   *
   * @return the channel
   */
  public ManagedChannel channel() {
    return channel;
  }

  /**
   * Gives the address of a gateway that listens.
   *
   * @return host and port
   * @throws IllegalStateException when it does not {@linkplain #listen() listen}
   */
  public String target() {
    return target(server);
  }

  /**
   * Adds answers to those that come next.
   *
   * @param next the answers, one for each chat call
   * @return this
   */
  public FakeGateway enqueue(Answer... next) {
    answers.addAll(List.of(next));
    return this;
  }

  /**
   * Adds answers of text to those that come next.
   *
   * @param texts the texts, one for each chat call
   * @return this
   */
  public FakeGateway enqueue(String... texts) {
    for (String text : texts) {
      answers.add(Answer.text(text));
    }
    return this;
  }

  /**
   * Says what is answered when no answer is enqueued.
   *
   * @param script gives the answer to a conversation; called on a thread of the gateway
   * @return this
   */
  public FakeGateway otherwise(Function<ChatSpec, Answer> script) {
    otherwise = Objects.requireNonNull(script, "script");
    return this;
  }

  /**
   * Says what the vectors of inputs are. Without it they have 8 values, the same for the same input.
   *
   * @param script gives the vector of an input; called on a thread of the gateway
   * @return this
   */
  public FakeGateway vectors(Function<EmbedInput, float[]> script) {
    vectors = Objects.requireNonNull(script, "script");
    return this;
  }

  /**
   * Says which models are listed, on one page.
   *
   * @param names the names
   * @return this
   */
  public FakeGateway models(String... names) {
    models = List.of(names);
    return this;
  }

  /**
   * Gives the calls that came so far, whatever became of them.
   *
   * @return the calls, oldest first
   */
  public List<RecordedCall> calls() {
    return recorder.calls();
  }

  /**
   * Gives the number of answers that no call has taken yet.
   *
   * @return the number
   */
  public int remaining() {
    return answers.size();
  }

  /** Cancels what is under way and stops. */
  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
    clock.shutdownNow();
    try {
      channel.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
      server.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Answer next(ChatSpec chat) {
    Answer next = answers.poll();
    Function<ChatSpec, Answer> script = otherwise;
    if (next == null && script != null) {
      next = Objects.requireNonNull(script.apply(chat), "the script gave no answer");
    }
    if (next == null) {
      next =
          Answer.fault(
              Fault.of(ErrorReason.ERROR_REASON_NO_CANDIDATE)
                  .message("no answer is left for this call: enqueue one, or say what is answered otherwise")
                  .metadata("model", chat.getModel()));
    }
    return next;
  }

  private static String target(Server server) {
    if (server.getPort() < 0) {
      throw new IllegalStateException("only a gateway that was started with listen() has an address");
    }
    return InetAddress.getLoopbackAddress().getHostAddress() + ":" + server.getPort();
  }

  private static float[] vector(EmbedInput input) {
    Random random = new Random(Arrays.hashCode(input.toByteArray()));
    float[] values = new float[8];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() * 2 - 1;
    }
    return values;
  }

  private final class Models extends RouterServiceImplBase {
    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> observer) {
      ListModelsResponse.Builder page = ListModelsResponse.newBuilder();
      models.forEach(name -> page.addModels(Model.newBuilder().setName(name)));
      observer.onNext(page.build());
      observer.onCompleted();
    }
  }
}
