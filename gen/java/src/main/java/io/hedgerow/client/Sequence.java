package io.hedgerow.client;

/** Checks that the messages of a stream are numbered from 1 without gaps. */
final class Sequence {
  private long last;

  void check(long sequence) {
    if (sequence != last + 1) {
      throw new BrokenStreamException("message " + sequence + " of the stream came after message " + last);
    }
    last = sequence;
  }
}
