package io.hedgerow.client;

import io.grpc.Metadata;
import io.grpc.Status;

/**
 * A stream that does not keep the contract, so that what was received must not be taken for an answer: it ended without
 * {@code Completed}, its sequence has a gap, or it asks for something that this client does not know how to do. The
 * code is DATA_LOSS and there are no details: it is the client that found the fault.
 */
public final class BrokenStreamException extends HedgerowException {
  private static final long serialVersionUID = 1L;

  BrokenStreamException(String description) {
    this(description, null);
  }

  BrokenStreamException(String description, Metadata trailers) {
    super(Status.DATA_LOSS.withDescription(description), trailers);
  }
}
