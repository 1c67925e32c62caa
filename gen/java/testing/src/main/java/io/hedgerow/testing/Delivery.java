package io.hedgerow.testing;

import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** Sends the events of one stream, each when its pause is over and the caller has room for it. */
final class Delivery {
  private final ServerCallStreamObserver<StreamCompleteResponse> observer;
  private final List<StreamCompleteResponse> events;
  private final Ending ending;
  private final long pauseNanos;
  private final ScheduledExecutorService clock;
  /** The clock and the call's own thread both send. */
  private final ReentrantLock lock = new ReentrantLock();
  private int next;
  private boolean waiting;
  private boolean rested;
  private boolean over;

  Delivery(ServerCallStreamObserver<StreamCompleteResponse> observer, Answer answer, ScheduledExecutorService clock) {
    this.observer = observer;
    this.events = answer.events();
    this.ending = answer.ending();
    this.pauseNanos = answer.pause().toNanos();
    this.clock = clock;
  }

  void begin() {
    observer.setOnReadyHandler(this::send);
    observer.setOnCancelHandler(this::stop);
    send();
  }

  private void stop() {
    lock.lock();
    try {
      over = true;
    } finally {
      lock.unlock();
    }
  }

  private void send() {
    lock.lock();
    try {
      while (!over && next < events.size()) {
        if (!observer.isReady() || isPausing()) {
          return;
        }
        rested = false;
        observer.onNext(events.get(next++));
      }
      if (!over) {
        over = true;
        end(observer, ending);
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean isPausing() {
    if (pauseNanos == 0 || rested) {
      return false;
    }
    if (!waiting) {
      waiting = true;
      clock.schedule(this::rest, pauseNanos, TimeUnit.NANOSECONDS);
    }
    return true;
  }

  private void rest() {
    lock.lock();
    try {
      waiting = false;
      rested = true;
      send();
    } finally {
      lock.unlock();
    }
  }

  static void end(ServerCallStreamObserver<?> observer, Ending ending) {
    if (ending instanceof Ending.Failed failed) {
      observer.onError(failed.fault().status().asRuntimeException(failed.fault().trailers()));
    } else if (ending instanceof Ending.Cut) {
      Metadata trailers = new Metadata();
      trailers.put(Recorder.CUT, "");
      observer.onError(Status.UNAVAILABLE.withDescription("the connection was cut").asRuntimeException(trailers));
    } else if (!(ending instanceof Ending.Silent)) {
      observer.onCompleted();
    }
  }
}
