package io.hedgerow.client;

import io.grpc.BindableService;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceImplBase;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A gateway in this process that does what a test says. */
final class FakeGateway implements AutoCloseable {
  private final Server server;
  private final ManagedChannel channel;

  FakeGateway(BindableService service) throws IOException {
    String name = InProcessServerBuilder.generateName();
    server = InProcessServerBuilder.forName(name).addService(service).build().start();
    channel = InProcessChannelBuilder.forName(name).build();
  }

  /** A gateway whose StreamComplete is the script. */
  static FakeGateway streaming(Consumer<ServerCallStreamObserver<StreamCompleteResponse>> script) throws IOException {
    return new FakeGateway(
        new ChatServiceImplBase() {
          @Override
          public void streamComplete(StreamCompleteRequest request, StreamObserver<StreamCompleteResponse> answer) {
            script.accept((ServerCallStreamObserver<StreamCompleteResponse>) answer);
          }
        });
  }

  HedgerowClient client() {
    return HedgerowClient.on(channel);
  }

  ManagedChannel channel() {
    return channel;
  }

  @Override
  public void close() throws InterruptedException {
    channel.shutdownNow();
    server.shutdownNow();
    channel.awaitTermination(5, TimeUnit.SECONDS);
    server.awaitTermination(5, TimeUnit.SECONDS);
  }
}
