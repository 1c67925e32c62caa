package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.chat.v1.TextDelta;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The rules in the names are those of the Reactive Streams specification, which Flow follows. */
@Timeout(20)
class ChatPublisherTest {
  private static final StreamCompleteRequest REQUEST = StreamCompleteRequest.getDefaultInstance();

  /** Keeps what it is told, and requests as the test says. */
  private static class Probe implements Flow.Subscriber<StreamCompleteResponse> {
    final BlockingQueue<StreamCompleteResponse> events = new LinkedBlockingQueue<>();
    final CountDownLatch ended = new CountDownLatch(1);
    final AtomicInteger ends = new AtomicInteger();
    final AtomicReference<Throwable> failure = new AtomicReference<>();
    final long first;
    volatile Flow.Subscription subscription;

    Probe(long first) {
      this.first = first;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      this.subscription = subscription;
      if (first != 0) {
        subscription.request(first);
      }
    }

    @Override
    public void onNext(StreamCompleteResponse event) {
      events.add(event);
    }

    @Override
    public void onError(Throwable failure) {
      this.failure.set(failure);
      end();
    }

    @Override
    public void onComplete() {
      end();
    }

    private void end() {
      ends.incrementAndGet();
      ended.countDown();
    }

    void awaitEnd() throws InterruptedException {
      assertTrue(ended.await(10, TimeUnit.SECONDS), "the stream does not end");
    }
  }

  private static FakeGateway answering(Events events) throws Exception {
    return FakeGateway.streaming(
        answer -> {
          events.list().forEach(answer::onNext);
          answer.onCompleted();
        });
  }

  @Test
  void theEventsComeInOrderAndThenTheEnd() throws Exception {
    Events events = Events.started().text(0, "a").text(0, "b").completed();
    try (FakeGateway gateway = answering(events)) {
      Probe probe = new Probe(Long.MAX_VALUE);
      gateway.client().publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertEquals(events.list(), List.copyOf(probe.events));
      assertNull(probe.failure.get());
      assertEquals(1, probe.ends.get());
    }
  }

  @Test
  void nothingComesThatWasNotRequested() throws Exception {
    try (FakeGateway gateway = answering(Events.started().text(0, "a").text(0, "b").completed())) {
      Probe probe = new Probe(2);
      gateway.client().publish(REQUEST).subscribe(probe);
      assertTrue(probe.events.poll(10, TimeUnit.SECONDS).hasStarted());
      assertTrue(probe.events.poll(10, TimeUnit.SECONDS).hasTextDelta());
      assertNull(probe.events.poll(100, TimeUnit.MILLISECONDS));
      assertFalse(probe.ended.await(0, TimeUnit.SECONDS));
      probe.subscription.request(2);
      probe.awaitEnd();
      assertEquals(2, probe.events.size());
    }
  }

  @Test
  void aSubscriberThatRequestsNothingStopsTheGateway() throws Exception {
    // A mebibyte an event, so that buffers of the transport on the way would be seen in the count.
    TextDelta large = TextDelta.newBuilder().setText("x".repeat(1 << 20)).build();
    AtomicInteger sent = new AtomicInteger();
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer ->
                answer.setOnReadyHandler(
                    () -> {
                      while (answer.isReady() && sent.get() < 1000) {
                        long sequence = sent.incrementAndGet();
                        answer.onNext(
                            StreamCompleteResponse.newBuilder().setSequence(sequence).setTextDelta(large).build());
                      }
                    }))) {
      Probe probe = new Probe(3);
      gateway.client().publish(REQUEST).subscribe(probe);
      for (int i = 0; i < 3; i++) {
        assertTrue(probe.events.poll(10, TimeUnit.SECONDS).hasTextDelta());
      }
      int ahead = sent.get() - 3;
      assertTrue(ahead <= 2, ahead + " events were sent that nobody requested");
      probe.subscription.cancel();
    }
  }

  @Test
  void requestsAddUp() throws Exception {
    try (FakeGateway gateway = answering(Events.started().text(0, "a").completed())) {
      Probe probe =
          new Probe(1) {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
              super.onSubscribe(subscription);
              subscription.request(Long.MAX_VALUE);
              subscription.request(Long.MAX_VALUE);
            }
          };
      gateway.client().publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertEquals(3, probe.events.size());
    }
  }

  @Test
  void eachSubscriberMakesACallOfItsOwn() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    Events events = Events.started().completed();
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer -> {
              calls.incrementAndGet();
              events.list().forEach(answer::onNext);
              answer.onCompleted();
            })) {
      Flow.Publisher<StreamCompleteResponse> publisher = gateway.client().publish(REQUEST);
      assertEquals(0, calls.get());
      for (int i = 0; i < 2; i++) {
        Probe probe = new Probe(Long.MAX_VALUE);
        publisher.subscribe(probe);
        probe.awaitEnd();
      }
      assertEquals(2, calls.get());
    }
  }

  @Test
  void cancellingEndsTheCallAndTellsNothingMore() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    Events events = Events.started().text(0, "a");
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer -> {
              answer.setOnCancelHandler(cancelled::countDown);
              events.list().forEach(answer::onNext);
            })) {
      Probe probe = new Probe(1);
      gateway.client().publish(REQUEST).subscribe(probe);
      assertTrue(probe.events.poll(10, TimeUnit.SECONDS).hasStarted());
      probe.subscription.cancel();
      probe.subscription.request(5);
      assertTrue(cancelled.await(10, TimeUnit.SECONDS));
      assertFalse(probe.ended.await(100, TimeUnit.MILLISECONDS));
      assertTrue(probe.events.isEmpty());
    }
  }

  @Test
  void aSubscriberThatCancelsAtOnceMakesNoCall() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    try (FakeGateway gateway = FakeGateway.streaming(answer -> calls.incrementAndGet())) {
      Probe probe =
          new Probe(0) {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
              subscription.cancel();
            }
          };
      gateway.client().publish(REQUEST).subscribe(probe);
      assertFalse(probe.ended.await(100, TimeUnit.MILLISECONDS));
      assertEquals(0, calls.get());
    }
  }

  @Test
  void rule39ARequestBelowOneIsAnErrorBeforeTheCall() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    try (FakeGateway gateway = FakeGateway.streaming(answer -> calls.incrementAndGet())) {
      Probe probe = new Probe(-1);
      gateway.client().publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertInstanceOf(IllegalArgumentException.class, probe.failure.get());
      assertEquals(0, calls.get());
    }
  }

  @Test
  void rule39ARequestBelowOneIsAnErrorDuringTheCall() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer -> {
              answer.setOnCancelHandler(cancelled::countDown);
              answer.onNext(Events.started().list().get(0));
            })) {
      Probe probe = new Probe(1);
      gateway.client().publish(REQUEST).subscribe(probe);
      assertTrue(probe.events.poll(10, TimeUnit.SECONDS).hasStarted());
      probe.subscription.request(0);
      probe.awaitEnd();
      assertInstanceOf(IllegalArgumentException.class, probe.failure.get());
      assertTrue(cancelled.await(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void aStreamWithoutCompletedIsAnError() throws Exception {
    try (FakeGateway gateway = answering(Events.started().text(0, "almost"))) {
      Probe probe = new Probe(Long.MAX_VALUE);
      gateway.client().publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertInstanceOf(BrokenStreamException.class, probe.failure.get());
      assertEquals(2, probe.events.size());
    }
  }

  @Test
  void aGapIsAnErrorOnceAndCancelsTheCall() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer -> {
              answer.setOnCancelHandler(cancelled::countDown);
              answer.onNext(StreamCompleteResponse.newBuilder().setSequence(7).build());
            })) {
      Probe probe = new Probe(Long.MAX_VALUE);
      gateway.client().publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertInstanceOf(BrokenStreamException.class, probe.failure.get());
      assertTrue(cancelled.await(10, TimeUnit.SECONDS));
      assertEquals(1, probe.ends.get());
    }
  }

  @Test
  void aFailureOfTheCallIsAnErrorWithItsCode() throws Exception {
    try (FakeGateway gateway = FakeGateway.streaming(answer -> answer.onError(Status.NOT_FOUND.asException()))) {
      Probe probe = new Probe(1);
      gateway.client().publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertEquals(
          Status.Code.NOT_FOUND, assertInstanceOf(HedgerowException.class, probe.failure.get()).getCode());
    }
  }

  @Test
  void aFailureComesToASubscriberThatRequestedNothing() throws Exception {
    try (FakeGateway gateway = FakeGateway.streaming(answer -> answer.onError(Status.NOT_FOUND.asException()))) {
      Probe probe = new Probe(0);
      gateway.client().publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertInstanceOf(HedgerowException.class, probe.failure.get());
    }
  }

  @Test
  void theDeadlineHolds() throws Exception {
    try (FakeGateway gateway = FakeGateway.streaming(answer -> { })) {
      Probe probe = new Probe(1);
      gateway.client().withDeadline(Duration.ofMillis(100)).publish(REQUEST).subscribe(probe);
      probe.awaitEnd();
      assertEquals(
          Status.Code.DEADLINE_EXCEEDED,
          assertInstanceOf(HedgerowException.class, probe.failure.get()).getCode());
    }
  }

  @Test
  void aSubscriberThatThrowsCancelsTheCall() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer -> {
              answer.setOnCancelHandler(cancelled::countDown);
              answer.onNext(Events.started().list().get(0));
            })) {
      Probe probe =
          new Probe(1) {
            @Override
            public void onNext(StreamCompleteResponse event) {
              throw new IllegalStateException("a bug of the subscriber");
            }
          };
      gateway.client().publish(REQUEST).subscribe(probe);
      assertTrue(cancelled.await(10, TimeUnit.SECONDS));
      assertEquals(0, probe.ends.get());
    }
  }
}
