package io.hedgerow.langchain4j;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.hedgerow.client.HedgerowClient;
import io.hedgerow.common.v1.RoutePolicy;
import java.util.List;
import java.util.Map;

/**
 * Describes a model. Only the client is needed; requests that name no model need {@link #modelName} too.
 *
 * @param <B> the builder itself
 */
public abstract sealed class ModelBuilder<B extends ModelBuilder<B>>
    permits HedgerowChatModel.Builder, HedgerowStreamingChatModel.Builder {
  HedgerowClient client;
  String modelName;
  ChatRequestParameters parameters;
  List<ChatModelListener> listeners = List.of();
  RoutePolicy route;
  Map<String, String> labels = Map.of();

  ModelBuilder() {}

  abstract B self();

  /**
   * Sets the client that makes the calls.
   *
   * @param client the client, with the deadline that calls shall have
   * @return this
   */
  public B client(HedgerowClient client) {
    this.client = client;
    return self();
  }

  /**
   * Sets which model is asked when a request does not say.
   *
   * @param modelName the gateway's name of a model or of a route
   * @return this
   */
  public B modelName(String modelName) {
    this.modelName = modelName;
    return self();
  }

  /**
   * Sets what holds for requests that do not say otherwise.
   *
   * @param parameters the parameters
   * @return this
   */
  public B defaultRequestParameters(ChatRequestParameters parameters) {
    this.parameters = parameters;
    return self();
  }

  /**
   * Sets who is told of requests, answers and errors.
   *
   * @param listeners the listeners
   * @return this
   */
  public B listeners(List<ChatModelListener> listeners) {
    this.listeners = listeners;
    return self();
  }

  /**
   * Sets how the gateway chooses among candidates.
   *
   * @param route the policy of all requests
   * @return this
   */
  public B route(RoutePolicy route) {
    this.route = route;
    return self();
  }

  /**
   * Sets by what the calls are found in the gateway's books.
   *
   * @param labels the labels of all requests
   * @return this
   */
  public B labels(Map<String, String> labels) {
    this.labels = labels;
    return self();
  }
}
