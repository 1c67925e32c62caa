package io.hedgerow.spring;

import io.grpc.ManagedChannelBuilder;

/** Changes the channel before it is opened: interceptors, executors, proxies. Beans of this type run in order. */
@FunctionalInterface
public interface HedgerowChannelCustomizer {
  /**
   * Changes the channel.
   *
   * @param builder the builder, with everything set that the properties say
   */
  void customize(ManagedChannelBuilder<?> builder);
}
