package io.hedgerow.client;

import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.ToolResult;
import java.util.List;

/** Short forms for common requests. What they give are ordinary messages: {@code toBuilder()} adds the rest. */
public final class Prompts {
  private Prompts() {}

  /**
   * Gives a message of the user.
   *
   * @param text what the user says
   * @return the message
   */
  public static Message user(String text) {
    return message(Role.ROLE_USER, text);
  }

  /**
   * Gives an instruction for the whole conversation.
   *
   * @param text the instruction
   * @return the message
   */
  public static Message system(String text) {
    return message(Role.ROLE_SYSTEM, text);
  }

  /**
   * Gives the result of a tool call.
   *
   * @param toolCallId the id of the call, as the model gave it
   * @param text the result
   * @return the message
   */
  public static Message toolResult(String toolCallId, String text) {
    ToolResult.Builder result =
        ToolResult.newBuilder().setToolCallId(toolCallId).addContent(Part.newBuilder().setText(text));
    return Message.newBuilder()
        .setRole(Role.ROLE_TOOL)
        .addContent(Part.newBuilder().setToolResult(result))
        .build();
  }

  /**
   * Gives a conversation.
   *
   * @param model the name of a model or of a route
   * @param messages the messages, oldest first
   * @return the conversation
   */
  public static ChatSpec chat(String model, Message... messages) {
    return ChatSpec.newBuilder().setModel(model).addAllMessages(List.of(messages)).build();
  }

  /**
   * Asks for an answer in one piece.
   *
   * @param model the name of a model or of a route
   * @param messages the messages, oldest first
   * @return the request
   */
  public static CompleteRequest complete(String model, Message... messages) {
    return CompleteRequest.newBuilder().setChat(chat(model, messages)).build();
  }

  /**
   * Asks for an answer as events.
   *
   * @param model the name of a model or of a route
   * @param messages the messages, oldest first
   * @return the request
   */
  public static StreamCompleteRequest stream(String model, Message... messages) {
    return StreamCompleteRequest.newBuilder().setChat(chat(model, messages)).build();
  }

  private static Message message(Role role, String text) {
    return Message.newBuilder().setRole(role).addContent(Part.newBuilder().setText(text)).build();
  }
}
