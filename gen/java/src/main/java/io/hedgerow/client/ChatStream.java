package io.hedgerow.client;

import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import java.util.Iterator;

/**
 * A streamed answer, to be read once: event by event, or whole with {@link #collect()}, or first the one and then the
 * other.
 *
 * <p>Reading waits for the gateway and throws {@link HedgerowException} when the call fails. A stream that breaks the
 * contract, for example one that ends without {@code Completed}, makes it throw {@link BrokenStreamException}, so a
 * loop that ends has seen the whole answer. A reader that is slow slows the gateway: at most 8 events are kept for it.
 *
 * <p>Close it always, best with try-with-resources: closing before the end cancels the call, and the gateway stops its
 * provider. Only {@link #close()} may be called by another thread than the one that reads; an interrupt cancels the
 * call.
 */
public final class ChatStream implements Iterable<StreamCompleteResponse>, AutoCloseable {
  private final ServerMessages<StreamCompleteRequest, StreamCompleteResponse> messages;
  private final ChatFold fold = new ChatFold();
  private final MessageIterator<StreamCompleteResponse> events;

  ChatStream(ServerMessages<StreamCompleteRequest, StreamCompleteResponse> messages, StreamCompleteRequest request) {
    this.messages = messages;
    this.events = new MessageIterator<>(this::next, messages);
    messages.send(request);
    messages.halfClose();
  }

  /**
   * Gives the events that were not read yet. All iterators of a stream are the same one.
   *
   * @return the events, {@code Completed} last; kinds that this client does not know have no event set: ignore them
   */
  @Override
  public Iterator<StreamCompleteResponse> iterator() {
    return events;
  }

  /**
   * Reads the rest and gives the whole answer, with what was read before.
   *
   * @return the answer, as {@code ChatService.Complete} would have given it; its message can be appended to the
   *     conversation as it is
   * @throws HedgerowException when the call fails
   * @throws BrokenStreamException when the stream ends without {@code Completed} or breaks the contract otherwise
   */
  public CompleteResponse collect() {
    events.forEachRemaining(event -> { });
    return fold.finish();
  }

  /**
   * Gives what was read so far, also after a failure. Never take it for an answer.
   *
   * @return the answer so far; without a finish reason unless it is complete
   */
  public CompleteResponse partial() {
    return fold.partial();
  }

  /**
   * Gives the trailers of the call.
   *
   * @return the trailers; without content before the last event was read
   */
  public CallTrailers getTrailers() {
    return CallTrailers.from(messages.trailers());
  }

  /** Cancels the call unless it has ended. */
  @Override
  public void close() {
    messages.cancel("closed by the caller");
  }

  private StreamCompleteResponse next() {
    StreamCompleteResponse event = messages.take();
    if (event == null) {
      fold.finish();
    } else {
      fold.add(event);
    }
    return event;
  }
}
