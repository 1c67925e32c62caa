package io.hedgerow.testing;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.hedgerow.common.v1.Usage;
import io.hedgerow.embed.v1.EmbedInput;
import io.hedgerow.embed.v1.EmbedRequest;
import io.hedgerow.embed.v1.EmbedResponse;
import io.hedgerow.embed.v1.EmbedServiceGrpc.EmbedServiceImplBase;
import io.hedgerow.embed.v1.Embedding;
import io.hedgerow.embed.v1.StreamEmbedCompleted;
import io.hedgerow.embed.v1.StreamEmbedRequest;
import io.hedgerow.embed.v1.StreamEmbedResponse;
import io.hedgerow.embed.v1.StreamEmbedStarted;
import java.util.function.Function;

/** Gives each input the vector that the test says. */
final class FakeEmbedder extends EmbedServiceImplBase {
  private final Function<EmbedInput, float[]> vectors;

  FakeEmbedder(Function<EmbedInput, float[]> vectors) {
    this.vectors = vectors;
  }

  @Override
  public void embed(EmbedRequest request, StreamObserver<EmbedResponse> observer) {
    EmbedResponse.Builder answer = EmbedResponse.newBuilder().setProvider("fake").setModel("fake-model");
    request.getEmbed().getInputsList().forEach(input -> answer.addEmbeddings(vector(input)));
    answer.setUsage(usage(request.getEmbed().getInputsCount()));
    observer.onNext(answer.build());
    observer.onCompleted();
  }

  @Override
  public StreamObserver<StreamEmbedRequest> streamEmbed(StreamObserver<StreamEmbedResponse> observer) {
    ((ServerCallStreamObserver<StreamEmbedResponse>) observer).setOnCancelHandler(() -> { });
    return new Stream(observer);
  }

  private Embedding vector(EmbedInput input) {
    Embedding.Builder embedding = Embedding.newBuilder();
    for (float value : vectors.apply(input)) {
      embedding.addValues(value);
    }
    return embedding.build();
  }

  private static Usage usage(long tokens) {
    return Usage.newBuilder().setInputTokens(tokens).setInputUncachedTokens(tokens).setFinal(true).build();
  }

  private final class Stream implements StreamObserver<StreamEmbedRequest> {
    private final StreamObserver<StreamEmbedResponse> observer;
    private long sequence;
    private long count;

    Stream(StreamObserver<StreamEmbedResponse> observer) {
      this.observer = observer;
    }

    @Override
    public void onNext(StreamEmbedRequest request) {
      StreamEmbedResponse.Builder answer = StreamEmbedResponse.newBuilder();
      if (request.hasOptions()) {
        answer.setStarted(StreamEmbedStarted.newBuilder().setProvider("fake").setModel("fake-model"));
      } else {
        count++;
        answer.setId(request.getItem().getId()).setEmbedding(vector(request.getItem().getInput()));
      }
      send(answer);
    }

    @Override
    public void onError(Throwable t) {
      // The caller has left; the recorded call tells so.
    }

    @Override
    public void onCompleted() {
      send(
          StreamEmbedResponse.newBuilder()
              .setCompleted(
                  StreamEmbedCompleted.newBuilder().setEmbeddedItemsCount(count).setUsage(usage(count))));
      observer.onCompleted();
    }

    private void send(StreamEmbedResponse.Builder answer) {
      observer.onNext(answer.setSequence(++sequence).build());
    }
  }
}
