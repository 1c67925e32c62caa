package io.hedgerow.langchain4j;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.common.v1.RoutePolicy;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What both models are built of. */
record Setting(
    HedgerowClient client,
    ChatRequestParameters parameters,
    List<ChatModelListener> listeners,
    RoutePolicy route,
    Map<String, String> labels) {

  CompleteRequest unary(ChatRequest request) {
    CompleteRequest.Builder built =
        CompleteRequest.newBuilder().setChat(Requests.chat(request)).putAllLabels(labels);
    if (route != null) {
      built.setRoute(route);
    }
    return built.build();
  }

  StreamCompleteRequest streamed(ChatRequest request) {
    StreamCompleteRequest.Builder built =
        StreamCompleteRequest.newBuilder().setChat(Requests.chat(request)).putAllLabels(labels);
    if (route != null) {
      built.setRoute(route);
    }
    return built.build();
  }

  static Setting of(ModelBuilder<?> builder) {
    Objects.requireNonNull(builder.client, "client");
    ChatRequestParameters named =
        builder.modelName == null
            ? ChatRequestParameters.builder().build()
            : ChatRequestParameters.builder().modelName(builder.modelName).build();
    ChatRequestParameters parameters =
        builder.parameters == null ? named : named.overrideWith(builder.parameters);
    return new Setting(
        builder.client, parameters, List.copyOf(builder.listeners), builder.route, Map.copyOf(builder.labels));
  }
}
