package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.Code;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.hedgerow.embed.v1.EmbedInput;
import io.hedgerow.embed.v1.EmbedServiceGrpc.EmbedServiceImplBase;
import io.hedgerow.embed.v1.Embedding;
import io.hedgerow.embed.v1.StreamEmbedCompleted;
import io.hedgerow.embed.v1.StreamEmbedItem;
import io.hedgerow.embed.v1.StreamEmbedOptions;
import io.hedgerow.embed.v1.StreamEmbedRequest;
import io.hedgerow.embed.v1.StreamEmbedResponse;
import io.hedgerow.embed.v1.StreamEmbedStarted;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class EmbedStreamTest {
  private static final StreamEmbedOptions OPTIONS = StreamEmbedOptions.newBuilder().setModel("m").build();

  private static Iterator<StreamEmbedItem> items(int count) {
    return IntStream.range(0, count).mapToObj(i -> item("id-" + i, "text " + i)).iterator();
  }

  private static StreamEmbedItem item(String id, String text) {
    return StreamEmbedItem.newBuilder().setId(id).setInput(EmbedInput.newBuilder().setText(text)).build();
  }

  /** Answers each item as it comes: a vector, or a status for the text "bad". */
  private static class Embedder extends EmbedServiceImplBase {
    final CountDownLatch cancelled = new CountDownLatch(1);

    @Override
    public StreamObserver<StreamEmbedRequest> streamEmbed(StreamObserver<StreamEmbedResponse> answers) {
      ((ServerCallStreamObserver<StreamEmbedResponse>) answers).setOnCancelHandler(cancelled::countDown);
      return new StreamObserver<>() {
        private long sequence;
        private long count;

        @Override
        public void onNext(StreamEmbedRequest request) {
          if (request.hasOptions()) {
            send(StreamEmbedResponse.newBuilder().setStarted(StreamEmbedStarted.newBuilder().setProvider("fake")));
            return;
          }
          count++;
          StreamEmbedResponse.Builder answer = StreamEmbedResponse.newBuilder().setId(request.getItem().getId());
          if (request.getItem().getInput().getText().equals("bad")) {
            answer.setItemError(com.google.rpc.Status.newBuilder().setCode(Code.INVALID_ARGUMENT_VALUE));
          } else {
            answer.setEmbedding(Embedding.newBuilder().addValues(count));
          }
          send(answer);
        }

        @Override
        public void onError(Throwable t) {}

        @Override
        public void onCompleted() {
          complete(this::send, count);
          answers.onCompleted();
        }

        private void send(StreamEmbedResponse.Builder answer) {
          answers.onNext(answer.setSequence(++sequence).build());
        }
      };
    }

    void complete(Consumer<StreamEmbedResponse.Builder> send, long count) {
      send.accept(
          StreamEmbedResponse.newBuilder()
              .setCompleted(StreamEmbedCompleted.newBuilder().setEmbeddedItemsCount(count)));
    }
  }

  @Test
  void everyInputIsAnsweredInOrder() throws Exception {
    try (FakeGateway gateway = new FakeGateway(new Embedder());
        EmbedStream results = gateway.client().streamEmbed(OPTIONS, items(1000))) {
      List<String> ids = new ArrayList<>();
      results.forEach(result -> ids.add(result.getId()));
      assertEquals(IntStream.range(0, 1000).mapToObj(i -> "id-" + i).toList(), ids);
      assertEquals("fake", results.getStarted().orElseThrow().getProvider());
      assertEquals(1000, results.getCompleted().orElseThrow().getEmbeddedItemsCount());
    }
  }

  @Test
  void noInputsGiveNoResults() throws Exception {
    try (FakeGateway gateway = new FakeGateway(new Embedder());
        EmbedStream results = gateway.client().streamEmbed(OPTIONS, Collections.emptyIterator())) {
      assertFalse(results.iterator().hasNext());
      assertTrue(results.getCompleted().isPresent());
    }
  }

  @Test
  void oneBadInputDoesNotEndTheStream() throws Exception {
    Iterator<StreamEmbedItem> inputs = List.of(item("a", "x"), item("b", "bad"), item("c", "y")).iterator();
    try (FakeGateway gateway = new FakeGateway(new Embedder());
        EmbedStream results = gateway.client().streamEmbed(OPTIONS, inputs)) {
      List<Boolean> embedded = new ArrayList<>();
      results.forEach(result -> embedded.add(result.hasEmbedding()));
      assertEquals(List.of(true, false, true), embedded);
    }
  }

  @Test
  void aStreamWithoutCompletedFails() throws Exception {
    Embedder silent =
        new Embedder() {
          @Override
          void complete(Consumer<StreamEmbedResponse.Builder> send, long count) {}
        };
    try (FakeGateway gateway = new FakeGateway(silent);
        EmbedStream results = gateway.client().streamEmbed(OPTIONS, items(3))) {
      assertThrows(BrokenStreamException.class, () -> results.forEach(result -> { }));
    }
  }

  @Test
  void aFailureOfTheInputsCancelsTheCallAndComesOutUnchanged() throws Exception {
    RuntimeException failure = new IllegalStateException("the file cannot be read");
    Iterator<StreamEmbedItem> failing =
        new Iterator<>() {
          @Override
          public boolean hasNext() {
            throw failure;
          }

          @Override
          public StreamEmbedItem next() {
            throw failure;
          }
        };
    Embedder embedder = new Embedder();
    try (FakeGateway gateway = new FakeGateway(embedder);
        EmbedStream results = gateway.client().streamEmbed(OPTIONS, failing)) {
      assertSame(failure, assertThrows(IllegalStateException.class, () -> results.iterator().hasNext()));
      assertTrue(embedder.cancelled.await(5, TimeUnit.SECONDS));
    }
  }

  @Test
  void closingBeforeTheEndCancelsTheCall() throws Exception {
    Embedder embedder = new Embedder();
    try (FakeGateway gateway = new FakeGateway(embedder)) {
      try (EmbedStream results = gateway.client().streamEmbed(OPTIONS, items(1_000_000))) {
        results.iterator().next();
      }
      assertTrue(embedder.cancelled.await(5, TimeUnit.SECONDS));
    }
  }

  @Test
  void aGatewayThatFailsBeforeItReadsStopsTheInputs() throws Exception {
    EmbedServiceImplBase failing =
        new EmbedServiceImplBase() {
          @Override
          public StreamObserver<StreamEmbedRequest> streamEmbed(StreamObserver<StreamEmbedResponse> answers) {
            answers.onError(Status.NOT_FOUND.asException());
            return new Ignoring();
          }
        };
    try (FakeGateway gateway = new FakeGateway(failing);
        EmbedStream results = gateway.client().streamEmbed(OPTIONS, items(Integer.MAX_VALUE))) {
      HedgerowException e = assertThrows(HedgerowException.class, () -> results.iterator().hasNext());
      assertEquals(Status.Code.NOT_FOUND, e.getCode());
    }
  }

  @Test
  void aGatewayThatStopsReadingStopsTheInputsAndItsAnswerStillComes() throws Exception {
    AtomicInteger read = new AtomicInteger();
    Iterator<StreamEmbedItem> counted =
        IntStream.range(0, Integer.MAX_VALUE)
            .mapToObj(i -> item("id-" + read.incrementAndGet(), "text"))
            .iterator();
    try (FakeGateway gateway = new FakeGateway(new Stalling());
        EmbedStream results = gateway.client().streamEmbed(OPTIONS, counted)) {
      HedgerowException e = assertThrows(HedgerowException.class, () -> results.iterator().hasNext());
      assertEquals(Status.Code.RESOURCE_EXHAUSTED, e.getCode());
      assertTrue(read.get() < 50, "inputs read for a gateway that takes 10: " + read.get());
    }
  }

  /** Takes the options and 10 items, then nothing for a while in which a client could run away, then fails the call. */
  private static final class Stalling extends EmbedServiceImplBase {
    @Override
    public StreamObserver<StreamEmbedRequest> streamEmbed(StreamObserver<StreamEmbedResponse> answers) {
      ServerCallStreamObserver<StreamEmbedResponse> call = (ServerCallStreamObserver<StreamEmbedResponse>) answers;
      call.disableAutoRequest();
      call.request(11);
      CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS)
          .execute(() -> call.onError(Status.RESOURCE_EXHAUSTED.asException()));
      return new Ignoring();
    }
  }

  private static final class Ignoring implements StreamObserver<StreamEmbedRequest> {
    @Override
    public void onNext(StreamEmbedRequest request) {}

    @Override
    public void onError(Throwable t) {}

    @Override
    public void onCompleted() {}
  }
}
