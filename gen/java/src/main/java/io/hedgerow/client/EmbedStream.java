package io.hedgerow.client;

import io.hedgerow.embed.v1.StreamEmbedCompleted;
import io.hedgerow.embed.v1.StreamEmbedItem;
import io.hedgerow.embed.v1.StreamEmbedOptions;
import io.hedgerow.embed.v1.StreamEmbedRequest;
import io.hedgerow.embed.v1.StreamEmbedResponse;
import io.hedgerow.embed.v1.StreamEmbedStarted;
import java.util.Iterator;
import java.util.Objects;
import java.util.Optional;

/**
 * The vectors of any number of inputs, to be read once. Each result has the id of its input and either an
 * {@code embedding} or an {@code item_error}; they come in the order of the inputs.
 *
 * <p>Inputs are read and sent on the thread that reads the results, while it waits for one: no more than the gateway
 * takes, and the gateway takes no more than it can answer to a reader that is slow. So neither side queues without
 * bound, and the inputs may come from a cursor that belongs to the thread. While the inputs make the thread wait,
 * results wait too. A failure of the inputs cancels the call and is thrown as it is.
 *
 * <p>Reading throws {@link HedgerowException} when the call fails, and {@link BrokenStreamException} when the stream
 * ends before every input is answered. Close it always, best with try-with-resources: closing before the end cancels
 * the call. Only {@link #close()} may be called by another thread than the one that reads; an interrupt cancels the
 * call.
 */
public final class EmbedStream implements Iterable<StreamEmbedResponse>, AutoCloseable {
  /**
   * How many inputs are sent for each result that is read while results are at hand. Above 1, so that inputs keep ahead
   * of results and the gateway always has a full batch to go on with.
   */
  private static final int INPUTS_A_RESULT = 4;

  private final ServerMessages<StreamEmbedRequest, StreamEmbedResponse> messages;
  private final Iterator<StreamEmbedItem> items;
  private final Sequence sequence = new Sequence();
  private final MessageIterator<StreamEmbedResponse> results;
  private boolean sentAll;
  private long sent;
  private long answered;
  private StreamEmbedStarted started;
  private StreamEmbedCompleted completed;

  EmbedStream(
      ServerMessages<StreamEmbedRequest, StreamEmbedResponse> messages,
      StreamEmbedOptions options,
      Iterator<StreamEmbedItem> items) {
    this.messages = messages;
    this.items = Objects.requireNonNull(items, "items");
    this.results = new MessageIterator<>(this::next, messages);
    messages.send(StreamEmbedRequest.newBuilder().setOptions(options).build());
  }

  /**
   * Gives the results that were not read yet. All iterators of a stream are the same one.
   *
   * @return the results
   */
  @Override
  public Iterator<StreamEmbedResponse> iterator() {
    return results;
  }

  /**
   * Gives who answers.
   *
   * @return the first message of the stream; empty before the first result was read
   */
  public Optional<StreamEmbedStarted> getStarted() {
    return Optional.ofNullable(started);
  }

  /**
   * Gives the sums: usage, counts, cost.
   *
   * @return the last message of the stream; empty before the last result was read
   */
  public Optional<StreamEmbedCompleted> getCompleted() {
    return Optional.ofNullable(completed);
  }

  /**
   * Gives the trailers of the call.
   *
   * @return the trailers; without content before the last result was read
   */
  public CallTrailers getTrailers() {
    return CallTrailers.from(messages.trailers());
  }

  /** Cancels the call unless it has ended. */
  @Override
  public void close() {
    messages.cancel("closed by the caller");
  }

  private StreamEmbedResponse next() {
    while (true) {
      pump();
      StreamEmbedResponse message = messages.take();
      if (message == null) {
        return end();
      }
      sequence.check(message.getSequence());
      if (completed != null) {
        throw new BrokenStreamException("a message came after Completed");
      }
      switch (message.getResultCase()) {
        case STARTED -> started = message.getStarted();
        case COMPLETED -> completed = message.getCompleted();
        case EMBEDDING, ITEM_ERROR -> {
          answered++;
          return message;
        }
        case RESULT_NOT_SET -> { }
      }
    }
  }

  /** Sends inputs until there is something to take; a few also when there is. */
  private void pump() {
    for (int count = 0; !sentAll && !(messages.hasArrived() && count >= INPUTS_A_RESULT); count++) {
      if (!messages.isReady()) {
        if (messages.hasArrived()) {
          return;
        }
        messages.await(true);
      } else if (!items.hasNext()) {
        messages.halfClose();
        sentAll = true;
      } else if (!messages.send(StreamEmbedRequest.newBuilder().setItem(items.next()).build())) {
        return;
      } else {
        sent++;
      }
    }
  }

  private StreamEmbedResponse end() {
    if (completed == null) {
      throw new BrokenStreamException("the stream ended without Completed: results are missing");
    }
    if (answered != sent || !sentAll) {
      throw new BrokenStreamException("the stream answered " + answered + " of " + sent + " inputs");
    }
    return null;
  }
}
