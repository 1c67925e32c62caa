package com.example.hedgerow;

import io.grpc.ManagedChannel;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.Answers;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.HedgerowChannels;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.client.Prompts;
import io.hedgerow.client.RefusedException;
import io.hedgerow.client.TruncatedException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Chats in the styles of the client. */
final class Chats {
  private Chats() {}

  static CompleteResponse first(String target, PrintStream out) {
    // region first
    ManagedChannel channel = HedgerowChannels.to(target).plaintext().open();
    try {
      HedgerowClient client = HedgerowClient.on(channel).withDeadline(Duration.ofMinutes(2));
      CompleteResponse answer = client.complete(Prompts.complete("fast", Prompts.user("Why is the sky blue?")));
      out.println(Answers.text(answer));
      return answer;
    } finally {
      channel.shutdown();
    }
    // endregion
  }

  static Message stream(HedgerowClient client, PrintStream out) {
    // region stream
    try (ChatStream events = client.stream(Prompts.stream("fast", Prompts.user("Why is the sky blue?")))) {
      for (StreamCompleteResponse event : events) {
        out.print(event.getTextDelta().getText());
      }
      return events.collect().getMessage(); // Append it to the conversation as it is.
    }
    // endregion
  }

  static String failures(HedgerowClient client, String question) {
    // region failures
    try {
      return Answers.text(client.complete(Prompts.complete("fast", Prompts.user(question))));
    } catch (TruncatedException e) {
      return "cut at " + e.getAnswer().getUsage().getOutputTokens() + " tokens";
    } catch (RefusedException e) {
      return "refused: " + e.getRefusal();
    } catch (HedgerowException e) {
      return switch (e.getReason()) {
        case ERROR_REASON_QUOTA_EXCEEDED -> "again in " + e.getRetryDelay().map(Duration::toSeconds).orElse(60L) + " s";
        case ERROR_REASON_CONTEXT_TOO_LONG -> "too long";
        default -> e.getCode() + ", request " + e.getRequestId().orElse("-");
      };
    }
    // endregion
  }

  static CompletableFuture<String> async(HedgerowClient client) {
    // region async
    return client
        .completeAsync(Prompts.complete("fast", Prompts.user("Why is the sky blue?")))
        .orTimeout(30, TimeUnit.SECONDS) // Cancels the call too.
        .thenApplyAsync(Answers::text);
    // endregion
  }

  // region flow
  /** Prints the words as they come; the next event is asked for when the last is on paper. */
  static final class Printer implements Flow.Subscriber<StreamCompleteResponse> {
    private final PrintStream out;
    private final CompletableFuture<Void> printed = new CompletableFuture<>();
    private Flow.Subscription subscription;

    Printer(PrintStream out) {
      this.out = out;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      this.subscription = subscription;
      subscription.request(1);
    }

    @Override
    public void onNext(StreamCompleteResponse event) {
      out.print(event.getTextDelta().getText());
      subscription.request(1);
    }

    @Override
    public void onError(Throwable failure) {
      printed.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
      printed.complete(null);
    }
  }

  static CompletableFuture<Void> print(HedgerowClient client, PrintStream out) {
    Printer printer = new Printer(out);
    client.publish(Prompts.stream("fast", Prompts.user("Why is the sky blue?"))).subscribe(printer);
    return printer.printed;
  }
  // endregion

  static List<String> all(HedgerowClient client, List<String> questions, ExecutorService threads) throws Exception {
    // region threads
    List<Future<String>> answers = new ArrayList<>();
    for (String question : questions) {
      answers.add(
          threads.submit(() -> Answers.text(client.complete(Prompts.complete("fast", Prompts.user(question))))));
    }
    List<String> texts = new ArrayList<>();
    for (Future<String> answer : answers) {
      texts.add(answer.get());
    }
    return texts;
    // endregion
  }
}
