package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatServiceGrpc;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceImplBase;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Over real sockets, because that is where a channel's settings hold. */
@Timeout(30)
class HedgerowChannelsTest {
  private static final CompleteRequest REQUEST = CompleteRequest.getDefaultInstance();
  private static final Metadata.Key<String> PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  private final AtomicInteger calls = new AtomicInteger();
  private final List<String> authorizations = new CopyOnWriteArrayList<>();
  private Server server;
  private ManagedChannel channel;

  @AfterEach
  void stop() throws Exception {
    if (channel != null) {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
    if (server != null) {
      server.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  /** Answers, or fails with a status as often as the test says. */
  private HedgerowChannels serve(int failures, Status failure, String pushback, ServingStatus health)
      throws Exception {
    HealthStatusManager manager = new HealthStatusManager();
    manager.setStatus("", health);
    ServerBuilder<?> builder = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create());
    server =
        builder
            .addService(manager.getHealthService())
            .addService(new FailingService(failures, failure, pushback))
            .intercept(new AuthorizationRecorder())
            .build()
            .start();
    return HedgerowChannels.to("127.0.0.1:" + server.getPort()).plaintext();
  }

  private final class FailingService extends ChatServiceImplBase {
    private final int failures;
    private final Status failure;
    private final String pushback;

    FailingService(int failures, Status failure, String pushback) {
      this.failures = failures;
      this.failure = failure;
      this.pushback = pushback;
    }

    @Override
    public void complete(CompleteRequest request, StreamObserver<CompleteResponse> answer) {
      if (calls.incrementAndGet() <= failures) {
        Metadata trailers = new Metadata();
        if (pushback != null) {
          trailers.put(PUSHBACK, pushback);
        }
        answer.onError(failure.asRuntimeException(trailers));
        return;
      }
      // 5 MiB: above gRPC's own limit of 4 MiB.
      Part large = Part.newBuilder().setText("x".repeat(5 * 1024 * 1024)).build();
      answer.onNext(CompleteResponse.newBuilder().setMessage(Message.newBuilder().addContent(large)).build());
      answer.onCompleted();
    }
  }

  private final class AuthorizationRecorder implements ServerInterceptor {
    @Override
    public <ReqT, RespT> ServerCall.Listener<ReqT> interceptCall(
        ServerCall<ReqT, RespT> call, Metadata headers, ServerCallHandler<ReqT, RespT> next) {
      String authorization = headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER));
      if (authorization != null) {
        authorizations.add(authorization);
      }
      return next.startCall(call, headers);
    }
  }

  private CompleteResponse call(HedgerowChannels channels) {
    channel = channels.open();
    return HedgerowClient.on(channel).complete(REQUEST);
  }

  @Test
  void oneFailureWithUnavailableIsRetried() throws Exception {
    CompleteResponse answer = call(serve(1, Status.UNAVAILABLE, null, ServingStatus.SERVING));
    assertEquals(2, calls.get());
    assertEquals(5 * 1024 * 1024, answer.getMessage().getContent(0).getText().length());
  }

  @Test
  void twoAttemptsAreAllThatIsMade() throws Exception {
    HedgerowChannels channels = serve(9, Status.UNAVAILABLE, null, ServingStatus.SERVING);
    HedgerowException e = assertThrows(HedgerowException.class, () -> call(channels));
    assertEquals(Status.Code.UNAVAILABLE, e.getCode());
    assertEquals(2, calls.get());
  }

  @Test
  void noOtherFailureIsRetried() throws Exception {
    HedgerowChannels channels = serve(9, Status.RESOURCE_EXHAUSTED, null, ServingStatus.SERVING);
    assertThrows(HedgerowException.class, () -> call(channels));
    assertEquals(1, calls.get());
  }

  @Test
  void aGatewayThatForbidsTheRetryIsObeyed() throws Exception {
    HedgerowChannels channels = serve(9, Status.UNAVAILABLE, "-1", ServingStatus.SERVING);
    assertThrows(HedgerowException.class, () -> call(channels));
    assertEquals(1, calls.get());
  }

  @Test
  void aGatewayThatSaysItDoesNotServeGetsNoCalls() throws Exception {
    HedgerowChannels channels = serve(0, Status.OK, null, ServingStatus.NOT_SERVING);
    HedgerowException e = assertThrows(HedgerowException.class, () -> call(channels));
    assertEquals(Status.Code.UNAVAILABLE, e.getCode());
    assertEquals(0, calls.get());
  }

  @Test
  void withoutHealthChecksItGetsCallsAnyway() throws Exception {
    call(serve(0, Status.OK, null, ServingStatus.NOT_SERVING).withoutHealthCheck());
    assertEquals(1, calls.get());
  }

  @Test
  void theBearerTokenIsAskedForAndSentWithEachCall() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    call(
        serve(0, Status.OK, null, ServingStatus.SERVING).bearerToken(() -> "secret-" + asked.incrementAndGet()));
    HedgerowClient.on(channel).complete(REQUEST);
    assertEquals(List.of("Bearer secret-1", "Bearer secret-2"), authorizations);
  }

  @Test
  void theCredentialsOfACallWinOverTheTokenOfTheChannel() throws Exception {
    channel = serve(0, Status.OK, null, ServingStatus.SERVING).bearerToken("of the channel").open();
    ChatServiceGrpc.newBlockingStub(channel)
        .withCallCredentials(BearerToken.evenInTheClear(() -> "of the call"))
        .complete(REQUEST);
    assertEquals(List.of("Bearer of the call"), authorizations);
  }

  @Test
  void aTokenThatCannotBeHadFailsTheCallAsUnauthenticated() throws Exception {
    HedgerowChannels channels =
        serve(0, Status.OK, null, ServingStatus.SERVING)
            .bearerToken(
                () -> {
                  throw new IllegalStateException("the vault is sealed");
                });
    HedgerowException e = assertThrows(HedgerowException.class, () -> call(channels));
    assertEquals(Status.Code.UNAUTHENTICATED, e.getCode());
    assertEquals(0, calls.get());
  }

  @Test
  void aTokenIsNotSentInTheClearUnlessAskedFor() throws Exception {
    HedgerowChannels channels =
        serve(0, Status.OK, null, ServingStatus.SERVING)
            .credentials(InsecureChannelCredentials.create())
            .bearerToken("secret");
    HedgerowException e = assertThrows(HedgerowException.class, () -> call(channels));
    assertEquals(Status.Code.UNAUTHENTICATED, e.getCode());
    assertTrue(authorizations.isEmpty());
  }

  @Test
  void withoutPlaintextTheChannelSpeaksTls() throws Exception {
    serve(0, Status.OK, null, ServingStatus.SERVING);
    HedgerowException e =
        assertThrows(
            HedgerowException.class, () -> call(HedgerowChannels.to("127.0.0.1:" + server.getPort())));
    assertEquals(Status.Code.UNAVAILABLE, e.getCode());
    assertEquals(0, calls.get());
  }
}
