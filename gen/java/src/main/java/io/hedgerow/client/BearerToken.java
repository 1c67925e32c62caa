package io.hedgerow.client;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * Call credentials that send {@code authorization: Bearer …}. {@link HedgerowChannels#bearerToken(String)} puts them on
 * every call of a channel; on a stub, {@code withCallCredentials} puts them on its calls.
 */
public final class BearerToken extends CallCredentials {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Supplier<String> token;
  private final boolean inTheClear;

  private BearerToken(Supplier<String> token, boolean inTheClear) {
    this.token = Objects.requireNonNull(token, "token");
    this.inTheClear = inTheClear;
  }

  /**
   * Gives credentials that fail a call with UNAUTHENTICATED rather than send a token over a connection that is not
   * encrypted.
   *
   * @param token gives the token that is valid now, without the word {@code Bearer}; called once a call
   * @return the credentials
   */
  public static BearerToken of(Supplier<String> token) {
    return new BearerToken(token, false);
  }

  /**
   * Gives credentials that also go over connections that are not encrypted, for loopback and sidecars.
   *
   * @param token gives the token that is valid now, without the word {@code Bearer}; called once a call
   * @return the credentials
   */
  public static BearerToken evenInTheClear(Supplier<String> token) {
    return new BearerToken(token, true);
  }

  @Override
  public void applyRequestMetadata(RequestInfo request, Executor executor, MetadataApplier applier) {
    if (!inTheClear && request.getSecurityLevel() != SecurityLevel.PRIVACY_AND_INTEGRITY) {
      applier.fail(Status.UNAUTHENTICATED.withDescription("the connection is not encrypted: the token was not sent"));
      return;
    }
    // Away from the transport's thread: the supplier may fetch a new token.
    executor.execute(() -> apply(applier));
  }

  private void apply(MetadataApplier applier) {
    Metadata headers = new Metadata();
    try {
      headers.put(AUTHORIZATION, "Bearer " + Objects.requireNonNull(token.get(), "the supplier gave no token"));
    } catch (RuntimeException e) {
      applier.fail(Status.UNAUTHENTICATED.withDescription("no token: " + e.getMessage()).withCause(e));
      return;
    }
    applier.apply(headers);
  }
}
