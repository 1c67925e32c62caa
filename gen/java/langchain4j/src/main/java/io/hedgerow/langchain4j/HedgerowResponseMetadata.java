package io.hedgerow.langchain4j;

import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import io.hedgerow.chat.v1.CompleteResponse;
import java.util.Objects;

/** The metadata of an answer of the gateway, with all that it says: provider, cost, warnings, verdicts, attempts. */
public final class HedgerowResponseMetadata extends ChatResponseMetadata {
  private final CompleteResponse answer;

  HedgerowResponseMetadata(Builder builder) {
    super(builder);
    answer = builder.answer;
  }

  /**
   * Gives the answer as it came.
   *
   * @return the answer
   */
  public CompleteResponse answer() {
    return answer;
  }

  @Override
  public ChatResponseMetadata.Builder<?> toBuilder() {
    return toBuilder(new Builder().answer(answer));
  }

  @Override
  public boolean equals(Object other) {
    return super.equals(other)
        && other instanceof HedgerowResponseMetadata metadata
        && Objects.equals(answer, metadata.answer);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), answer);
  }

  static final class Builder extends ChatResponseMetadata.Builder<Builder> {
    private CompleteResponse answer;

    Builder answer(CompleteResponse answer) {
      this.answer = answer;
      return this;
    }

    @Override
    public HedgerowResponseMetadata build() {
      return new HedgerowResponseMetadata(this);
    }
  }
}
