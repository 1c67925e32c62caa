package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.ChatFold;
import io.hedgerow.client.HedgerowClient;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The styles that do not wait, over a network. */
@NeedsStack
@Timeout(60)
class FlowTest {
  private static Stack stack;

  @BeforeAll
  static void open() {
    stack = new Stack();
  }

  @AfterAll
  static void close() {
    stack.close();
  }

  /** Folds the answer, and asks for one event at a time. */
  private static class Folder implements Flow.Subscriber<StreamCompleteResponse> {
    final CompletableFuture<CompleteResponse> answer = new CompletableFuture<>();
    final CountDownLatch begun = new CountDownLatch(1);
    private final ChatFold fold = new ChatFold();
    volatile Flow.Subscription subscription;

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      this.subscription = subscription;
      subscription.request(1);
    }

    @Override
    public void onNext(StreamCompleteResponse event) {
      fold.add(event);
      if (event.hasTextDelta()) {
        begun.countDown();
      }
      subscription.request(1);
    }

    @Override
    public void onError(Throwable failure) {
      answer.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
      answer.complete(fold.finish());
    }
  }

  @Test
  void publishedEventsFoldToWhatTheFutureHas() throws Exception {
    Folder folder = new Folder();
    stack.client().publish(Stack.stream("fast")).subscribe(folder);
    CompleteResponse streamed = folder.answer.get(30, TimeUnit.SECONDS);
    CompleteResponse unary = stack.client().completeAsync(Stack.complete("fast")).get(30, TimeUnit.SECONDS);
    assertEquals(unary.getMessage(), streamed.getMessage());
    assertEquals(unary.getUsage(), streamed.getUsage());
  }

  @Test
  void cancellingTheSubscriptionEndsTheUpstreamCall() throws Exception {
    Stack.Trace trace = new Stack.Trace();
    Folder folder = new Folder();
    HedgerowClient.on(stack.traced(trace)).publish(Stack.stream("slow")).subscribe(folder);
    assertTrue(folder.begun.await(30, TimeUnit.SECONDS));
    folder.subscription.cancel();
    JsonObject call = stack.await(trace, c -> !c.get("outcome").getAsString().equals("open"));
    assertEquals("cancelled", call.get("outcome").getAsString());
  }

  @Test
  void cancellingTheFutureEndsTheUpstreamCall() throws Exception {
    Stack.Trace trace = new Stack.Trace();
    CompletableFuture<CompleteResponse> future =
        HedgerowClient.on(stack.traced(trace)).completeAsync(Stack.complete("silent"));
    stack.await(trace, c -> c.get("outcome").getAsString().equals("open"));
    future.cancel(true);
    JsonObject call = stack.await(trace, c -> !c.get("outcome").getAsString().equals("open"));
    assertEquals("cancelled", call.get("outcome").getAsString());
  }
}
