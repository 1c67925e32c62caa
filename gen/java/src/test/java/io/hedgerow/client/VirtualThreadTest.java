package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceImplBase;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The gateway answers only when all callers wait for it, and the build gives virtual threads a single carrier: if one
 * waiting caller held it, the others would never call.
 */
@Timeout(60)
class VirtualThreadTest {
  private static final int CALLERS = 50;

  @BeforeAll
  static void needsVirtualThreads() {
    int version = Runtime.version().feature();
    assumeTrue(version >= 21, "virtual threads need Java 21, this is Java " + version);
    assertEquals("1", System.getProperty("jdk.virtualThreadScheduler.maxPoolSize"));
  }

  /** By reflection, because the tests are compiled for Java 17. */
  private static ExecutorService virtualThreads() throws Exception {
    return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
  }

  /** Lets nobody on before everybody has come. */
  private static final class Gathering extends ChatServiceImplBase {
    private final CountDownLatch all = new CountDownLatch(CALLERS);
    private final ExecutorService waiters = Executors.newCachedThreadPool();

    @Override
    public void complete(CompleteRequest request, StreamObserver<CompleteResponse> answer) {
      gather(
          () -> {
            answer.onNext(CompleteResponse.newBuilder().setModel("m").build());
            answer.onCompleted();
          });
    }

    @Override
    public void streamComplete(StreamCompleteRequest request, StreamObserver<StreamCompleteResponse> answer) {
      gather(
          () -> {
            Events.started().completed().list().forEach(answer::onNext);
            answer.onCompleted();
          });
    }

    private void gather(Runnable then) {
      all.countDown();
      waiters.execute(
          () -> {
            try {
              all.await();
              then.run();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
    }
  }

  private static void assertAllAnswered(Function<HedgerowClient, CompleteResponse> call) throws Exception {
    Gathering gathering = new Gathering();
    ExecutorService callers = virtualThreads();
    try (FakeGateway gateway = new FakeGateway(gathering)) {
      List<Callable<CompleteResponse>> tasks = new ArrayList<>();
      for (int i = 0; i < CALLERS; i++) {
        tasks.add(() -> call.apply(gateway.client()));
      }
      int answered = 0;
      for (Future<CompleteResponse> future : callers.invokeAll(tasks, 30, TimeUnit.SECONDS)) {
        answered += future.isCancelled() || future.get() == null ? 0 : 1;
      }
      assertEquals(CALLERS, answered);
    } finally {
      gathering.waiters.shutdownNow();
      callers.shutdownNow();
    }
  }

  @Test
  void callersOfUnaryCallsGiveTheirCarrierBack() throws Exception {
    assertAllAnswered(client -> client.complete(CompleteRequest.getDefaultInstance()));
  }

  @Test
  void readersOfStreamsGiveTheirCarrierBack() throws Exception {
    assertAllAnswered(
        client -> {
          try (ChatStream events = client.stream(StreamCompleteRequest.getDefaultInstance())) {
            return events.collect();
          }
        });
  }
}
