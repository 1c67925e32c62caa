package io.hedgerow.spring;

import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.hedgerow.client.HedgerowChannels;
import io.hedgerow.client.HedgerowClient;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/**
 * Makes a channel and a client where {@code hedgerow.target} is set. An application that has a {@link HedgerowClient}
 * of its own gets neither; one that has a bean {@code hedgerowChannel} of its own gets a client on that.
 */
@AutoConfiguration
@ConditionalOnProperty("hedgerow.target")
@ConditionalOnMissingBean(HedgerowClient.class)
@EnableConfigurationProperties(HedgerowProperties.class)
public class HedgerowAutoConfiguration {
  /** Makes the configuration. */
  public HedgerowAutoConfiguration() {}

  /**
   * Opens the channel. By its name alone, because applications have channels to other services too. It connects with
   * the first call, so an application starts also while its gateway is away.
   *
   * @param properties the properties
   * @param customizers what changes it
   * @return the channel
   */
  @Bean(destroyMethod = "shutdown", defaultCandidate = false)
  @ConditionalOnMissingBean(name = "hedgerowChannel")
  public ManagedChannel hedgerowChannel(
      HedgerowProperties properties, ObjectProvider<HedgerowChannelCustomizer> customizers) {
    HedgerowChannels channels = HedgerowChannels.to(properties.target());
    if (properties.plaintext()) {
      channels.plaintext();
    }
    if (properties.token() != null && !properties.token().isEmpty()) {
      channels.bearerToken(properties.token());
    }
    ManagedChannelBuilder<?> builder = channels.builder();
    customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
    return builder.build();
  }

  /**
   * Makes the client.
   *
   * @param channel the channel
   * @param properties the properties
   * @return the client
   */
  @Bean
  public HedgerowClient hedgerowClient(
      @Qualifier("hedgerowChannel") ManagedChannel channel, HedgerowProperties properties) {
    HedgerowClient client = HedgerowClient.on(channel);
    return properties.deadline() == null ? client : client.withDeadline(properties.deadline());
  }
}
