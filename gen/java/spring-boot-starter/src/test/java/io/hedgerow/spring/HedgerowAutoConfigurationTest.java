package io.hedgerow.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.client.Prompts;
import io.hedgerow.testing.Answer;
import io.hedgerow.testing.FakeGateway;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

@Timeout(60)
class HedgerowAutoConfigurationTest {
  private final ApplicationContextRunner runner =
      new ApplicationContextRunner().withConfiguration(AutoConfigurations.of(HedgerowAutoConfiguration.class));
  private FakeGateway gateway;
  private ApplicationContextRunner running;

  @BeforeEach
  void listen() {
    gateway = FakeGateway.listen();
    running = runner.withPropertyValues("hedgerow.target=" + gateway.target(), "hedgerow.plaintext=true");
  }

  @AfterEach
  void close() {
    gateway.close();
  }

  private static String ask(HedgerowClient client) {
    return client.complete(Prompts.complete("fast", Prompts.user("hi"))).getMessage().getContent(0).getText();
  }

  /** Or the run with the newest version would prove nothing. */
  @Test
  void theTestsRunWithTheSpringBootThatTheBuildNames() {
    assertEquals(System.getProperty("expected.spring-boot.version"), SpringBootVersion.getVersion());
  }

  @Test
  void springBootFindsTheConfiguration() {
    assertTrue(
        ImportCandidates.load(AutoConfiguration.class, getClass().getClassLoader())
            .getCandidates()
            .contains(HedgerowAutoConfiguration.class.getName()));
  }

  @Test
  void anApplicationGetsAClientThatAsksTheTarget() {
    gateway.enqueue("hello");
    running.run(context -> assertEquals("hello", ask(context.getBean(HedgerowClient.class))));
  }

  @Test
  void theTokenGoesWithEachCallAndIntoNoText() {
    gateway.enqueue("hello");
    running
        .withPropertyValues("hedgerow.token=s3cret")
        .run(
            context -> {
              ask(context.getBean(HedgerowClient.class));
              assertEquals("Bearer s3cret", gateway.calls().get(0).getHeader("authorization"));
              assertFalse(context.getBean(HedgerowProperties.class).toString().contains("s3cret"));
            });
  }

  @Test
  void withoutATokenNoneIsSent() {
    gateway.enqueue("hello");
    running.run(
        context -> {
          ask(context.getBean(HedgerowClient.class));
          assertNull(gateway.calls().get(0).getHeader("authorization"));
        });
  }

  @Test
  void theDeadlineHoldsForCalls() {
    gateway.enqueue(Answer.silence());
    running
        .withPropertyValues("hedgerow.deadline=200ms")
        .run(
            context -> {
              HedgerowException e =
                  assertThrows(HedgerowException.class, () -> ask(context.getBean(HedgerowClient.class)));
              assertEquals(Status.Code.DEADLINE_EXCEEDED, e.getCode());
            });
  }

  @Test
  void withoutPlaintextTheGatewayIsSpokenToOverTls() {
    gateway.enqueue("never");
    runner
        .withPropertyValues("hedgerow.target=" + gateway.target(), "hedgerow.deadline=10s")
        .run(
            context -> {
              HedgerowException e =
                  assertThrows(HedgerowException.class, () -> ask(context.getBean(HedgerowClient.class)));
              assertEquals(Status.Code.UNAVAILABLE, e.getCode());
              assertTrue(gateway.calls().isEmpty());
            });
  }

  @Test
  void withoutATargetThereIsNoClient() {
    runner.run(context -> assertTrue(context.getBeansOfType(HedgerowClient.class).isEmpty()));
  }

  @Test
  void aClientOfTheApplicationStaysTheOnlyOne() {
    HedgerowClient own = gateway.client();
    running
        .withBean(HedgerowClient.class, () -> own)
        .run(
            context -> {
              assertSame(own, context.getBean(HedgerowClient.class));
              assertFalse(context.containsBean("hedgerowChannel"));
            });
  }

  @Test
  void aChannelToAnotherServiceIsNotTakenForOurs() {
    gateway.enqueue("hello");
    try (FakeGateway other = FakeGateway.start()) {
      running
          .withBean("other", ManagedChannel.class, other::channel)
          .run(
              context -> {
                assertEquals("hello", ask(context.getBean(HedgerowClient.class)));
                // And whoever asks for a channel by its type still gets that of the application.
                assertSame(other.channel(), context.getBeanProvider(ManagedChannel.class).getObject());
              });
    }
  }

  @Test
  void aBeanCanChangeTheChannel() {
    gateway.enqueue("hello");
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER), "from-spring");
    running
        .withBean(
            HedgerowChannelCustomizer.class,
            () -> builder -> builder.intercept(MetadataUtils.newAttachHeadersInterceptor(headers)))
        .run(
            context -> {
              ask(context.getBean(HedgerowClient.class));
              assertEquals("from-spring", gateway.calls().get(0).getHeader("x-request-id"));
            });
  }

  @Test
  void theChannelIsShutDownWithTheContext() {
    AtomicReference<ManagedChannel> channel = new AtomicReference<>();
    running.run(context -> channel.set(context.getBean("hedgerowChannel", ManagedChannel.class)));
    assertTrue(channel.get().isShutdown());
  }

  @Test
  void aDeadlineOfZeroEndsTheStart() {
    running
        .withPropertyValues("hedgerow.deadline=0s")
        .run(
            context -> {
              Throwable failure = context.getStartupFailure();
              while (failure.getCause() != null) {
                failure = failure.getCause();
              }
              assertInstanceOf(IllegalArgumentException.class, failure);
            });
  }

  @Test
  void editorsAreToldOfEveryProperty() throws Exception {
    try (InputStream metadata =
        getClass().getResourceAsStream("/META-INF/spring-configuration-metadata.json")) {
      String json = new String(metadata.readAllBytes(), StandardCharsets.UTF_8);
      for (String name : new String[] {"target", "token", "plaintext", "deadline"}) {
        assertTrue(json.contains("\"hedgerow." + name + "\""), json);
      }
      assertTrue(json.contains("the bearer token of each call"), json);
    }
  }
}
