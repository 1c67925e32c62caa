package com.example.hedgerow;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.client.HedgerowChannels;
import io.hedgerow.client.HedgerowClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;

/** The router and the simulator that the environment names. */
final class Stack implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final HttpClient http = HttpClient.newHttpClient();
  private final ManagedChannel channel;

  Stack() {
    channel = HedgerowChannels.to(System.getenv("HEDGEROW_TEST_TARGET")).plaintext().open();
  }

  Channel channel() {
    return channel;
  }

  HedgerowClient client() {
    return HedgerowClient.on(channel);
  }

  /** A channel whose calls carry this trace, by which they are found in the simulator's book. */
  Channel traced(Trace trace) {
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), "00-" + trace.id + "-00f067aa0ba902b7-01");
    return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** The upstream calls of a trace that the simulator has seen. */
  List<JsonObject> upstreamCalls(Trace trace) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(System.getenv("HEDGEROW_TEST_SIM") + "/_sim/book")).timeout(PATIENCE).build();
    String body;
    try {
      body = http.send(request, BodyHandlers.ofString()).body();
    } catch (IOException e) {
      throw new AssertionError("the simulator does not answer", e);
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted", e);
    }
    Iterable<JsonElement> calls = JsonParser.parseString(body).getAsJsonObject().getAsJsonArray("calls");
    return StreamSupport.stream(calls.spliterator(), false)
        .map(JsonElement::getAsJsonObject)
        .filter(call -> call.getAsJsonObject("headers").toString().contains(trace.id))
        .toList();
  }

  /** Waits for the one upstream call of a trace to be as asked. */
  JsonObject await(Trace trace, Predicate<JsonObject> wanted) throws InterruptedException {
    long giveUp = System.nanoTime() + PATIENCE.toNanos();
    List<JsonObject> calls = List.of();
    while (System.nanoTime() < giveUp) {
      calls = upstreamCalls(trace);
      if (calls.size() == 1 && wanted.test(calls.get(0))) {
        return calls.get(0);
      }
      Thread.sleep(10);
    }
    throw new AssertionError("not in the book within " + PATIENCE + ", but " + calls);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  static ChatSpec chat(String model) {
    return ChatSpec.newBuilder()
        .setModel(model)
        .addMessages(
            Message.newBuilder().setRole(Role.ROLE_USER).addContent(Part.newBuilder().setText("Why is the sky blue?")))
        .build();
  }

  static CompleteRequest complete(String model) {
    return CompleteRequest.newBuilder().setChat(chat(model)).build();
  }

  static StreamCompleteRequest stream(String model) {
    return StreamCompleteRequest.newBuilder().setChat(chat(model)).build();
  }

  /** A trace id of W3C Trace Context that no other test has. */
  static final class Trace {
    final String id = UUID.randomUUID().toString().replace("-", "");
  }
}
