package io.hedgerow.spring;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The properties below {@code hedgerow}.
 *
 * @param target the gateway, as host:port or as any other gRPC target such as dns:///host:port; without it there is no
 *     client
 * @param token the bearer token of each call; none when empty
 * @param plaintext whether to speak without encryption, for loopback and sidecars; a token is then sent in the clear
 * @param deadline the time that each call has, above 0; without it the gateway's own default holds, 10 minutes unless
 *     it is configured otherwise
 */
@ConfigurationProperties("hedgerow")
public record HedgerowProperties(
    String target, String token, @DefaultValue("false") boolean plaintext, Duration deadline) {

  /** Without the token, which must not reach a log. */
  @Override
  public String toString() {
    return "HedgerowProperties[target=" + target + ", plaintext=" + plaintext + ", deadline=" + deadline + "]";
  }
}
