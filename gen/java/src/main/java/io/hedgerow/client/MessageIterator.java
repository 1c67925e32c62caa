package io.hedgerow.client;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Supplier;

/**
 * An iterator over what a source gives until it gives null. A failure ends the call and is thrown again when asked again.
 */
final class MessageIterator<T> implements Iterator<T> {
  private final Supplier<T> source;
  private final ServerMessages<?, ?> messages;
  private T next;
  private boolean ended;
  private RuntimeException failure;

  MessageIterator(Supplier<T> source, ServerMessages<?, ?> messages) {
    this.source = source;
    this.messages = messages;
  }

  @Override
  public boolean hasNext() {
    if (next == null && !ended) {
      advance();
    }
    return next != null;
  }

  @Override
  public T next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the stream has ended");
    }
    T current = next;
    next = null;
    return current;
  }

  private void advance() {
    if (failure != null) {
      throw failure;
    }
    try {
      next = source.get();
      ended = next == null;
    } catch (RuntimeException e) {
      failure = e;
      messages.cancel("the stream could not be read on");
      throw e;
    }
  }
}
