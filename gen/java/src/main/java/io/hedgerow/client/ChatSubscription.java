package io.hedgerow.client;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import java.util.concurrent.Flow;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One call and its subscriber. What the subscriber requests is requested of gRPC one for one, so nothing is kept here:
 * a subscriber that requests nothing fills the transport's flow-control window and then stops the gateway.
 *
 * <p>gRPC makes the calls of the listener one after the other, which gives the order of signals that
 * {@link Flow.Subscriber} asks for. The call starts only when {@code onSubscribe} has returned, or its end could come
 * before. The subscriber and gRPC are called without the lock, since either may call back at once.
 */
final class ChatSubscription extends ClientCall.Listener<StreamCompleteResponse> implements Flow.Subscription {
  private static final String UNWANTED = "cancelled by the subscriber";

  private final ClientCall<StreamCompleteRequest, StreamCompleteResponse> call;
  private final StreamCompleteRequest request;
  private final Flow.Subscriber<? super StreamCompleteResponse> subscriber;
  private final ChatFold fold = new ChatFold();

  private final ReentrantLock lock = new ReentrantLock();
  /** What was requested before the call started. */
  private long early;
  private boolean started;
  /** The call has ended or is not wanted any more: nothing more is signalled. */
  private boolean over;
  /** How the subscriber broke its own rules; it is told so by the next signal. */
  private IllegalArgumentException misuse;

  ChatSubscription(
      ClientCall<StreamCompleteRequest, StreamCompleteResponse> call,
      StreamCompleteRequest request,
      Flow.Subscriber<? super StreamCompleteResponse> subscriber) {
    this.call = call;
    this.request = request;
    this.subscriber = subscriber;
  }

  void begin() {
    subscriber.onSubscribe(this);
    IllegalArgumentException wrong;
    lock.lock();
    try {
      if (over) {
        return;
      }
      wrong = misuse;
      over = wrong != null;
    } finally {
      lock.unlock();
    }
    if (wrong != null) {
      subscriber.onError(wrong);
      return;
    }
    call.start(this, new Metadata());
    call.sendMessage(request);
    call.halfClose();
    settle();
  }

  /** Does what was asked while the call was being started. */
  private void settle() {
    boolean unwanted;
    long count;
    lock.lock();
    try {
      started = true;
      unwanted = over || misuse != null;
      count = early;
    } finally {
      lock.unlock();
    }
    if (unwanted) {
      call.cancel(UNWANTED, null);
    } else {
      ask(count);
    }
  }

  @Override
  public void request(long count) {
    lock.lock();
    try {
      if (over || misuse != null) {
        return;
      }
      if (count <= 0) {
        misuse = new IllegalArgumentException("the subscriber requested " + count + " events; ask for 1 or more");
      } else if (!started) {
        early = early + count < 0 ? Long.MAX_VALUE : early + count;
      }
      if (!started) {
        return;
      }
    } finally {
      lock.unlock();
    }
    if (count <= 0) {
      call.cancel(UNWANTED, null);
    } else {
      ask(count);
    }
  }

  @Override
  public void cancel() {
    lock.lock();
    try {
      over = true;
      if (!started) {
        return;
      }
    } finally {
      lock.unlock();
    }
    call.cancel(UNWANTED, null);
  }

  @Override
  public void onMessage(StreamCompleteResponse event) {
    if (isOver()) {
      return;
    }
    try {
      fold.add(event);
    } catch (BrokenStreamException e) {
      cancel();
      subscriber.onError(e);
      return;
    }
    try {
      subscriber.onNext(event);
    } catch (RuntimeException e) {
      // A subscriber that throws counts as one that has cancelled.
      cancel();
      throw e;
    }
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    IllegalArgumentException wrong;
    lock.lock();
    try {
      if (over) {
        return;
      }
      over = true;
      wrong = misuse;
    } finally {
      lock.unlock();
    }
    if (wrong != null) {
      subscriber.onError(wrong);
    } else if (!status.isOk()) {
      subscriber.onError(HedgerowException.from(new StatusRuntimeException(status, trailers)));
    } else if (!fold.isComplete()) {
      subscriber.onError(new BrokenStreamException(ChatFold.CUT, trailers));
    } else {
      subscriber.onComplete();
    }
  }

  private void ask(long count) {
    if (count > 0) {
      call.request((int) Math.min(count, Integer.MAX_VALUE));
    }
  }

  private boolean isOver() {
    lock.lock();
    try {
      return over;
    } finally {
      lock.unlock();
    }
  }
}
