package io.hedgerow.client;

import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One call and the messages that have come and were not taken yet. At most {@link #PREFETCH} messages are ever asked
 * for beyond those taken, so a slow reader fills the transport's flow-control window and then stops the gateway;
 * nothing queues without bound.
 *
 * <p>One thread takes and sends; any thread may cancel. A lock, not a monitor, so that virtual threads can wait.
 */
final class ServerMessages<ReqT, RespT> extends ClientCall.Listener<RespT> {
  private static final int PREFETCH = 8;

  private final ClientCall<ReqT, RespT> call;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<RespT> messages = new ArrayDeque<>(PREFETCH);
  private Status status;
  private Metadata trailers;

  private ServerMessages(ClientCall<ReqT, RespT> call) {
    this.call = call;
  }

  static <ReqT, RespT> ServerMessages<ReqT, RespT> start(ClientCall<ReqT, RespT> call) {
    ServerMessages<ReqT, RespT> messages = new ServerMessages<>(call);
    call.start(messages, new Metadata());
    call.request(PREFETCH);
    return messages;
  }

  /** True while the transport takes a message without buffering it. */
  boolean isReady() {
    return call.isReady();
  }

  /** Sends a message; false when the call has ended meanwhile, which the next {@link #take} tells. */
  boolean send(ReqT message) {
    if (isEnded()) {
      return false;
    }
    try {
      call.sendMessage(message);
      return true;
    } catch (IllegalStateException e) {
      // Cancelled by another thread between the question and the sending.
      return false;
    }
  }

  void halfClose() {
    if (!isEnded()) {
      try {
        call.halfClose();
      } catch (IllegalStateException e) {
        // As above.
      }
    }
  }

  /** Waits until there is a message to take, the call has ended, or (when asked for) the transport is ready. */
  void await(boolean orReady) {
    lock.lock();
    try {
      while (messages.isEmpty() && status == null && !(orReady && call.isReady())) {
        changed.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      cancel("interrupted");
      throw new HedgerowException(
          Status.CANCELLED.withDescription("interrupted while waiting for the gateway").withCause(e), null);
    } finally {
      lock.unlock();
    }
  }

  /** True when {@link #take} does not wait. */
  boolean hasArrived() {
    lock.lock();
    try {
      return !messages.isEmpty() || status != null;
    } finally {
      lock.unlock();
    }
  }

  /** The next message, or null when the call ended well. Throws how the call ended otherwise. */
  RespT take() {
    await(false);
    RespT message;
    lock.lock();
    try {
      message = messages.poll();
      if (message == null && !status.isOk()) {
        throw HedgerowException.from(new StatusRuntimeException(status, trailers));
      }
    } finally {
      lock.unlock();
    }
    if (message != null) {
      call.request(1);
    }
    return message;
  }

  /** Ends the call unless it has ended. What has come and was not taken is dropped. */
  void cancel(String why) {
    lock.lock();
    try {
      if (status != null) {
        return;
      }
      messages.clear();
    } finally {
      lock.unlock();
    }
    call.cancel(why, null);
  }

  /** The trailers, or null while the call runs. */
  Metadata trailers() {
    lock.lock();
    try {
      return trailers;
    } finally {
      lock.unlock();
    }
  }

  private boolean isEnded() {
    lock.lock();
    try {
      return status != null;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onMessage(RespT message) {
    lock.lock();
    try {
      messages.add(message);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onReady() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    lock.lock();
    try {
      this.status = status;
      this.trailers = trailers;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
