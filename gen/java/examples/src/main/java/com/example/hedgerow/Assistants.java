package com.example.hedgerow;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.langchain4j.HedgerowChatModel;
import io.hedgerow.langchain4j.HedgerowStreamingChatModel;
import java.util.Map;

/** The gateway as models of LangChain4j. */
final class Assistants {
  private Assistants() {}

  static ChatModel model(HedgerowClient client) {
    // region langchain4j
    ChatModel model =
        HedgerowChatModel.builder().client(client).modelName("fast").labels(Map.of("team", "search")).build();
    // endregion
    return model;
  }

  static StreamingChatModel streaming(HedgerowClient client) {
    // region langchain4j-streaming
    StreamingChatModel model = HedgerowStreamingChatModel.builder().client(client).modelName("fast").build();
    // endregion
    return model;
  }
}
