package io.hedgerow.client;

import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.TlsChannelCredentials;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Opens channels to the gateway.
 *
 * <pre>{@code
 * ManagedChannel channel = HedgerowChannels.to("dns:///hedgerow.internal:50051").bearerToken(token).open();
 * }</pre>
 *
 * <p>A channel has these properties; what {@link #builder()} gives can still change them:
 *
 * <ul>
 *   <li>TLS with the JVM's trust store, unless {@link #plaintext()} or {@link #credentials(ChannelCredentials)} is
 *       called.
 *   <li>Keepalive pings every 30 seconds while calls are open, answered within 10 seconds. The gateway refuses pings
 *       more often than every 10 seconds.
 *   <li>Calls go round robin over all addresses of the target, except those whose {@code grpc.health.v1} service says
 *       that they do not serve, unless {@link #withoutHealthCheck()} is called.
 *   <li>At most 2 attempts for a call that fails with UNAVAILABLE before any answer came, as the gateway's
 *       {@code grpc-retry-pushback-ms} allows. Nothing else is retried: the gateway itself goes on to other providers.
 *   <li>Messages of at most 16 MiB are received.
 * </ul>
 *
 * <p>No deadline is set here; see {@link HedgerowClient#withDeadline}.
 */
public final class HedgerowChannels {
  private static final int MAX_INBOUND_MESSAGE_BYTES = 16 * 1024 * 1024;
  private static final long KEEPALIVE_SECONDS = 30;
  private static final long KEEPALIVE_TIMEOUT_SECONDS = 10;

  private final String target;
  private ChannelCredentials channelCredentials = TlsChannelCredentials.create();
  private boolean plaintext;
  private boolean healthCheck = true;
  private Supplier<String> token;

  private HedgerowChannels(String target) {
    this.target = Objects.requireNonNull(target, "target");
  }

  /**
   * Starts to describe a channel.
   *
   * @param target the gateway, as {@code host:port} or as any other gRPC target such as {@code dns:///host:port}
   * @return what describes the channel
   */
  public static HedgerowChannels to(String target) {
    return new HedgerowChannels(target);
  }

  /**
   * Speaks without encryption, for loopback and for sidecars that encrypt themselves. A bearer token is sent in the
   * clear.
   *
   * @return this
   */
  public HedgerowChannels plaintext() {
    channelCredentials = InsecureChannelCredentials.create();
    plaintext = true;
    return this;
  }

  /**
   * Sets how the connection is secured, for example TLS with a private authority or with a client certificate.
   *
   * @param credentials the credentials of the channel
   * @return this
   */
  public HedgerowChannels credentials(ChannelCredentials credentials) {
    channelCredentials = Objects.requireNonNull(credentials, "credentials");
    plaintext = false;
    return this;
  }

  /**
   * Sends {@code authorization: Bearer …} with each call that has no credentials of its own. Health checks go without.
   *
   * @param token the token, without the word {@code Bearer}
   * @return this
   */
  public HedgerowChannels bearerToken(String token) {
    Objects.requireNonNull(token, "token");
    return bearerToken(() -> token);
  }

  /**
   * Sends {@code authorization: Bearer …} with each call, with a token that changes over time.
   *
   * @param token gives the token that is valid now; called once a call, on a thread of the channel
   * @return this
   */
  public HedgerowChannels bearerToken(Supplier<String> token) {
    this.token = Objects.requireNonNull(token, "token");
    return this;
  }

  /**
   * Makes calls whatever the health service says: for a proxy between here and several gateways, such as a mesh's
   * sidecar, which checks their health itself. What the health service says through it is that of one of them, and would
   * count for all.
   *
   * @return this
   */
  public HedgerowChannels withoutHealthCheck() {
    healthCheck = false;
    return this;
  }

  /**
   * Gives gRPC's own builder with all of it set, for what this class does not offer: interceptors, executors, proxies.
   *
   * @return a builder of a channel
   */
  public ManagedChannelBuilder<?> builder() {
    ManagedChannelBuilder<?> builder = Grpc.newChannelBuilder(target, channelCredentials);
    if (token != null) {
      builder.intercept(new WithCredentials(plaintext ? BearerToken.evenInTheClear(token) : BearerToken.of(token)));
    }
    return builder
        .keepAliveTime(KEEPALIVE_SECONDS, TimeUnit.SECONDS)
        .keepAliveTimeout(KEEPALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
        .maxInboundMessageSize(MAX_INBOUND_MESSAGE_BYTES)
        .enableRetry()
        .defaultServiceConfig(serviceConfig(healthCheck));
  }

  /**
   * Opens the channel. It connects with the first call; shut it down when no more calls are made.
   *
   * @return the channel
   */
  public ManagedChannel open() {
    return builder().build();
  }

  /** The service config as gRPC reads it: JSON as maps, with every number a double. */
  static Map<String, ?> serviceConfig(boolean healthCheck) {
    Map<String, ?> retryPolicy =
        Map.of(
            "maxAttempts", 2.0,
            "initialBackoff", "0.2s",
            "maxBackoff", "2s",
            "backoffMultiplier", 2.0,
            "retryableStatusCodes", List.of("UNAVAILABLE"));
    Map<String, Object> config = new HashMap<>();
    config.put("loadBalancingConfig", List.of(Map.of("round_robin", Map.of())));
    config.put("methodConfig", List.of(Map.of("name", List.of(Map.of()), "retryPolicy", retryPolicy)));
    if (healthCheck) {
      config.put("healthCheckConfig", Map.of("serviceName", ""));
    }
    return config;
  }

  /**
   * Sets credentials on the calls of the caller alone, unless a call has its own. As credentials of the channel they
   * would go with its health checks too, and a token that cannot be had would look like a gateway that is down.
   */
  private record WithCredentials(CallCredentials credentials) implements ClientInterceptor {
    @Override
    public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
        MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
      return next.newCall(
          method, options.getCredentials() == null ? options.withCallCredentials(credentials) : options);
    }
  }
}
