package io.hedgerow.testing;

import com.google.gson.JsonParseException;
import com.google.gson.JsonStreamParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.BrokenStreamException;
import io.hedgerow.client.ChatFold;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/** Reads recorded streams and holds all streams to the contract. */
final class Recording {
  private Recording() {}

  static List<StreamCompleteResponse> read(Path file) {
    try (Reader reader = Files.newBufferedReader(file)) {
      return read(reader, file.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** JSON values one after the other, on a line each or on many, which is how grpcurl prints them. */
  static List<StreamCompleteResponse> read(Reader reader, String name) {
    List<StreamCompleteResponse> events = new ArrayList<>();
    JsonStreamParser values = new JsonStreamParser(reader);
    try {
      while (values.hasNext()) {
        StreamCompleteResponse.Builder event = StreamCompleteResponse.newBuilder();
        JsonFormat.parser().merge(values.next().toString(), event);
        events.add(event.build());
      }
    } catch (JsonParseException | NoSuchElementException | InvalidProtocolBufferException e) {
      // Where the text ends within a value, the parser says that there is no next one.
      throw new IllegalArgumentException(name + ", message " + (events.size() + 1) + ": " + e.getMessage(), e);
    }
    check(events, name);
    return List.copyOf(events);
  }

  /** Throws unless a gateway could have sent these events. */
  static void check(List<StreamCompleteResponse> events, String name) {
    ChatFold fold = new ChatFold();
    for (int i = 0; i < events.size(); i++) {
      StreamCompleteResponse event = events.get(i);
      if (event.hasStarted() != (i == 0)) {
        throw new IllegalArgumentException(name + ", message " + (i + 1) + ": Started comes first, and only there");
      }
      try {
        fold.add(event);
      } catch (BrokenStreamException e) {
        throw new IllegalArgumentException(name + ", message " + (i + 1) + ": " + e.getDescription(), e);
      }
    }
    if (!fold.isComplete()) {
      throw new IllegalArgumentException(name + ": the last message is not Completed");
    }
  }
}
