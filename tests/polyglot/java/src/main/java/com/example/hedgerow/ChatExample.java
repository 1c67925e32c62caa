package com.example.hedgerow;

import io.grpc.ManagedChannel;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.HedgerowChannels;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.client.HedgerowException;
import java.io.PrintStream;
import java.time.Duration;

/** Streams one chat to the terminal. */
public final class ChatExample {
  private ChatExample() {}

  /**
   * Runs the example.
   *
   * @param args the target, the model and the prompt, such as {@code 127.0.0.1:50051 fast "Why is the sky blue?"}
   */
  public static void main(String[] args) {
    if (args.length != 3) {
      System.err.println("usage: ChatExample TARGET MODEL PROMPT");
      System.exit(2);
    }
    ManagedChannel channel = HedgerowChannels.to(args[0]).plaintext().open();
    try {
      chat(HedgerowClient.on(channel).withDeadline(Duration.ofMinutes(2)), args[1], args[2], System.out);
    } catch (HedgerowException e) {
      System.err.println(e.getMessage() + " (request " + e.getRequestId().orElse("unknown") + ")");
      System.exit(1);
    } finally {
      channel.shutdown();
    }
  }

  static void chat(HedgerowClient client, String model, String prompt, PrintStream out) {
    ChatSpec chat =
        ChatSpec.newBuilder()
            .setModel(model)
            .addMessages(
                Message.newBuilder().setRole(Role.ROLE_USER).addContent(Part.newBuilder().setText(prompt)))
            .build();
    try (ChatStream events = client.stream(StreamCompleteRequest.newBuilder().setChat(chat).build())) {
      for (StreamCompleteResponse event : events) {
        if (event.hasTextDelta()) {
          out.print(event.getTextDelta().getText());
          out.flush();
        }
      }
      CompleteResponse answer = events.collect();
      out.printf(
          "%n[%s/%s, %d tokens in, %d out, %s]%n",
          answer.getProvider(),
          answer.getModel(),
          answer.getUsage().getInputTokens(),
          answer.getUsage().getOutputTokens(),
          answer.getFinishReason());
    }
  }
}
