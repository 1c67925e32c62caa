package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ChatStreamTest {
  private static final StreamCompleteRequest REQUEST = StreamCompleteRequest.getDefaultInstance();

  private static FakeGateway answering(Events events) throws Exception {
    return FakeGateway.streaming(
        answer -> {
          events.list().forEach(answer::onNext);
          answer.onCompleted();
        });
  }

  @Test
  void theEventsComeInTheirOrderAndOnlyOnce() throws Exception {
    Events events = Events.started().text(0, "a").text(0, "b").completed();
    try (FakeGateway gateway = answering(events);
        ChatStream stream = gateway.client().stream(REQUEST)) {
      List<StreamCompleteResponse> seen = new ArrayList<>();
      stream.forEach(seen::add);
      assertEquals(events.list(), seen);
      assertFalse(stream.iterator().hasNext());
    }
  }

  @Test
  void collectGivesTheWholeAnswerAlsoAfterSomeEventsWereRead() throws Exception {
    try (FakeGateway gateway = answering(Events.started().text(0, "a").text(0, "b").completed());
        ChatStream stream = gateway.client().stream(REQUEST)) {
      Iterator<StreamCompleteResponse> events = stream.iterator();
      events.next();
      events.next();
      CompleteResponse answer = stream.collect();
      assertEquals("ab", answer.getMessage().getContent(0).getText());
      assertEquals(answer, stream.collect());
    }
  }

  @Test
  void aLoopOverAStreamWithoutCompletedFails() throws Exception {
    try (FakeGateway gateway = answering(Events.started().text(0, "almost"));
        ChatStream stream = gateway.client().stream(REQUEST)) {
      BrokenStreamException e =
          assertThrows(BrokenStreamException.class, () -> stream.forEach(event -> { }));
      assertEquals(Status.Code.DATA_LOSS, e.getCode());
      assertEquals("almost", stream.partial().getMessage().getContent(0).getText());
    }
  }

  @Test
  void aFailureIsThrownAgainWhenAskedAgain() throws Exception {
    try (FakeGateway gateway = FakeGateway.streaming(answer -> answer.onError(Status.UNAVAILABLE.asException()));
        ChatStream stream = gateway.client().stream(REQUEST)) {
      HedgerowException first = assertThrows(HedgerowException.class, stream::collect);
      HedgerowException second = assertThrows(HedgerowException.class, stream::collect);
      assertSame(first, second);
      assertEquals(Status.Code.UNAVAILABLE, first.getCode());
    }
  }

  @Test
  void aFailureAfterCompletedIsAFailure() throws Exception {
    Events events = Events.started().text(0, "a").completed();
    try (FakeGateway gateway =
            FakeGateway.streaming(
                answer -> {
                  events.list().forEach(answer::onNext);
                  answer.onError(Status.INTERNAL.asException());
                });
        ChatStream stream = gateway.client().stream(REQUEST)) {
      assertEquals(Status.Code.INTERNAL, assertThrows(HedgerowException.class, stream::collect).getCode());
    }
  }

  @Test
  void aGapCancelsTheCall() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    StreamCompleteResponse tooFar = Events.started().list().get(0).toBuilder().setSequence(7).build();
    try (FakeGateway gateway =
            FakeGateway.streaming(
                answer -> {
                  answer.setOnCancelHandler(cancelled::countDown);
                  answer.onNext(tooFar);
                });
        ChatStream stream = gateway.client().stream(REQUEST)) {
      assertThrows(BrokenStreamException.class, stream::collect);
      assertTrue(cancelled.await(5, TimeUnit.SECONDS));
    }
  }

  @Test
  void closingBeforeTheEndCancelsTheCall() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer -> {
              answer.setOnCancelHandler(cancelled::countDown);
              answer.onNext(Events.started().list().get(0));
            })) {
      try (ChatStream stream = gateway.client().stream(REQUEST)) {
        stream.iterator().next();
      }
      assertTrue(cancelled.await(5, TimeUnit.SECONDS));
    }
  }

  @Test
  void closingAfterTheEndCancelsNothing() throws Exception {
    AtomicBoolean cancelled = new AtomicBoolean();
    Events events = Events.started().text(0, "a").completed();
    try (FakeGateway gateway =
        FakeGateway.streaming(
            answer -> {
              answer.setOnCancelHandler(() -> cancelled.set(true));
              events.list().forEach(answer::onNext);
              answer.onCompleted();
            })) {
      try (ChatStream stream = gateway.client().stream(REQUEST)) {
        stream.collect();
      }
    }
    assertFalse(cancelled.get());
  }

  @Test
  void closingFromAnotherThreadEndsTheWaitOfTheReader() throws Exception {
    try (FakeGateway gateway = FakeGateway.streaming(answer -> answer.setOnCancelHandler(() -> { }));
        ChatStream stream = gateway.client().stream(REQUEST)) {
      Thread closer = new Thread(stream::close);
      closer.start();
      assertEquals(Status.Code.CANCELLED, assertThrows(HedgerowException.class, stream::collect).getCode());
      closer.join();
    }
  }

  @Test
  void anInterruptCancelsTheCall() throws Exception {
    CountDownLatch arrived = new CountDownLatch(1);
    CountDownLatch cancelled = new CountDownLatch(1);
    try (FakeGateway gateway =
            FakeGateway.streaming(
                answer -> {
                  answer.setOnCancelHandler(cancelled::countDown);
                  arrived.countDown();
                });
        ChatStream stream = gateway.client().stream(REQUEST)) {
      assertTrue(arrived.await(5, TimeUnit.SECONDS));
      Thread.currentThread().interrupt();
      HedgerowException e = assertThrows(HedgerowException.class, stream::collect);
      assertTrue(Thread.interrupted(), "the interrupt must stay visible");
      assertEquals(Status.Code.CANCELLED, e.getCode());
      assertTrue(cancelled.await(5, TimeUnit.SECONDS));
    }
  }

  @Test
  void theDeadlineEndsAStreamThatStandsStill() throws Exception {
    try (FakeGateway gateway = FakeGateway.streaming(answer -> answer.setOnCancelHandler(() -> { }));
        ChatStream stream = gateway.client().withDeadline(Duration.ofMillis(50)).stream(REQUEST)) {
      assertEquals(Status.Code.DEADLINE_EXCEEDED, assertThrows(HedgerowException.class, stream::collect).getCode());
    }
  }

  @Test
  void aReaderThatStandsStillStopsTheGateway() throws Exception {
    AtomicInteger sent = new AtomicInteger();
    CountDownLatch stopped = new CountDownLatch(1);
    Events all = Events.started();
    for (int i = 0; i < 1000; i++) {
      all.text(0, "x");
    }
    all.completed();
    try (FakeGateway gateway =
            FakeGateway.streaming(
                answer ->
                    answer.setOnReadyHandler(
                        () -> {
                          while (answer.isReady() && sent.get() < all.list().size()) {
                            answer.onNext(all.list().get(sent.getAndIncrement()));
                          }
                          if (sent.get() == all.list().size()) {
                            answer.onCompleted();
                          } else {
                            stopped.countDown();
                          }
                        }));
        ChatStream stream = gateway.client().stream(REQUEST)) {
      stream.iterator().next();
      assertTrue(stopped.await(5, TimeUnit.SECONDS));
      assertTrue(sent.get() < 100, "sent without a reader: " + sent.get());
      assertEquals(1000, stream.collect().getMessage().getContent(0).getText().length());
    }
  }
}
