package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceImplBase;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class AsyncTest {
  private static final CompleteRequest REQUEST = CompleteRequest.getDefaultInstance();

  private static FakeGateway answering(Consumer<ServerCallStreamObserver<CompleteResponse>> script)
      throws Exception {
    return new FakeGateway(
        new ChatServiceImplBase() {
          @Override
          public void complete(CompleteRequest request, StreamObserver<CompleteResponse> answer) {
            script.accept((ServerCallStreamObserver<CompleteResponse>) answer);
          }
        });
  }

  @Test
  void theFutureHasTheAnswer() throws Exception {
    CompleteResponse answer = CompleteResponse.newBuilder().setModel("m").build();
    try (FakeGateway gateway =
        answering(
            call -> {
              call.onNext(answer);
              call.onCompleted();
            })) {
      assertEquals(answer, gateway.client().completeAsync(REQUEST).get(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void theFutureFailsWithWhatTheGatewaySays() throws Exception {
    try (FakeGateway gateway = answering(call -> call.onError(Status.NOT_FOUND.asException()))) {
      CompletableFuture<CompleteResponse> future = gateway.client().completeAsync(REQUEST);
      ExecutionException e = assertThrows(ExecutionException.class, () -> future.get(10, TimeUnit.SECONDS));
      assertEquals(Status.Code.NOT_FOUND, assertInstanceOf(HedgerowException.class, e.getCause()).getCode());
    }
  }

  @Test
  void anEndWithoutAnAnswerIsAFailure() throws Exception {
    try (FakeGateway gateway = answering(ServerCallStreamObserver::onCompleted)) {
      CompletableFuture<CompleteResponse> future = gateway.client().completeAsync(REQUEST);
      ExecutionException e = assertThrows(ExecutionException.class, () -> future.get(10, TimeUnit.SECONDS));
      assertInstanceOf(HedgerowException.class, e.getCause());
    }
  }

  @Test
  void cancellingTheFutureCancelsTheCall() throws Exception {
    assertCancels(future -> future.cancel(true));
  }

  @Test
  void aTimeoutOfTheFutureCancelsTheCall() throws Exception {
    assertCancels(future -> future.orTimeout(10, TimeUnit.MILLISECONDS));
  }

  private static void assertCancels(Consumer<CompletableFuture<?>> end) throws Exception {
    CountDownLatch came = new CountDownLatch(1);
    CountDownLatch cancelled = new CountDownLatch(1);
    try (FakeGateway gateway =
        answering(
            call -> {
              call.setOnCancelHandler(cancelled::countDown);
              came.countDown();
            })) {
      CompletableFuture<CompleteResponse> future = gateway.client().completeAsync(REQUEST);
      assertTrue(came.await(10, TimeUnit.SECONDS));
      end.accept(future);
      assertTrue(cancelled.await(10, TimeUnit.SECONDS));
    }
  }
}
