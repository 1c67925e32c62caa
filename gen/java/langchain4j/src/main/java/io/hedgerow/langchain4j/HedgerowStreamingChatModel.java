package io.hedgerow.langchain4j;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import java.util.Set;

/**
 * A model of the gateway that answers as it goes.
 *
 * <p>The handler is called on a thread of the channel, and the next event is asked for when it has returned, so a slow
 * handler slows the gateway. The handle that it is given cancels the call; nothing is told after that. An answer that
 * is cut ends with {@code onError}, never with {@code onCompleteResponse}. Handlers cannot take back what they were
 * told, so a policy that allows a change of route within an answer is refused.
 */
public final class HedgerowStreamingChatModel implements StreamingChatModel {
  private final Setting setting;

  private HedgerowStreamingChatModel(Setting setting) {
    this.setting = setting;
  }

  /**
   * Starts to describe a model.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    setting.client().publish(setting.streamed(request)).subscribe(new Telling(handler));
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return setting.parameters();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return setting.listeners();
  }

  @Override
  public ModelProvider provider() {
    return ModelProvider.OTHER;
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }

  /** Describes a {@link HedgerowStreamingChatModel}. */
  public static final class Builder extends ModelBuilder<Builder> {
    private Builder() {}

    @Override
    Builder self() {
      return this;
    }

    /**
     * Makes the model.
     *
     * @return the model
     * @throws IllegalArgumentException when the policy allows a change of route within an answer
     */
    public HedgerowStreamingChatModel build() {
      Setting setting = Setting.of(this);
      if (setting.route() != null && setting.route().getAllowRouteChange()) {
        throw new IllegalArgumentException("allow_route_change: a handler cannot take back what it was told");
      }
      return new HedgerowStreamingChatModel(setting);
    }
  }
}
