package io.hedgerow.langchain4j;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.hedgerow.client.HedgerowException;
import java.util.List;
import java.util.Set;

/**
 * A model of the gateway that answers in one piece.
 *
 * <pre>{@code
 * ChatModel model = HedgerowChatModel.builder().client(client).modelName("fast").build();
 * }</pre>
 *
 * <p>The metadata of its answers is a {@link HedgerowResponseMetadata}. It does not retry by itself: the gateway has
 * tried its candidates already.
 */
public final class HedgerowChatModel implements ChatModel {
  private final Setting setting;

  private HedgerowChatModel(Setting setting) {
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
  public ChatResponse doChat(ChatRequest request) {
    try {
      return Responses.of(setting.client().complete(setting.unary(request)));
    } catch (HedgerowException e) {
      throw Failures.of(e);
    }
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

  /** Describes a {@link HedgerowChatModel}. */
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
     */
    public HedgerowChatModel build() {
      return new HedgerowChatModel(Setting.of(this));
    }
  }
}
