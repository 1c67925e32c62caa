package io.hedgerow.testing;

/** How an answer ends. */
sealed interface Ending {
  /** With {@code Completed}. */
  record Whole() implements Ending {}

  /** With the gateway's own failure. */
  record Failed(Fault fault) implements Ending {}

  /** With the loss of the connection: UNAVAILABLE, and nothing that the gateway says. */
  record Cut() implements Ending {}

  /** As if all were well, without {@code Completed}: what a proxy does that closes streams by itself. */
  record Short() implements Ending {}

  /** Not at all, until the caller leaves. */
  record Silent() implements Ending {}
}
