package io.hedgerow.client;

import com.google.protobuf.ByteString;
import io.hedgerow.chat.v1.Audio;
import io.hedgerow.chat.v1.CitationAdded;
import io.hedgerow.chat.v1.File;
import io.hedgerow.chat.v1.Image;
import io.hedgerow.chat.v1.LogprobsDelta;
import io.hedgerow.chat.v1.MediaDelta;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.ProviderItemAdded;
import io.hedgerow.chat.v1.ProviderStateAttached;
import io.hedgerow.chat.v1.Reasoning;
import io.hedgerow.chat.v1.ReasoningDelta;
import io.hedgerow.chat.v1.RefusalDelta;
import io.hedgerow.chat.v1.TextDelta;
import io.hedgerow.chat.v1.ToolCall;
import io.hedgerow.chat.v1.ToolCallArgumentsDelta;
import io.hedgerow.chat.v1.ToolCallStarted;
import java.util.Optional;

/** Folds the deltas of one part. A part is of the kind that its first delta has, and stays so. */
final class PartFold {
  private enum Kind {
    TEXT,
    REFUSAL,
    REASONING,
    TOOL_CALL,
    MEDIA,
    PROVIDER_ITEM
  }

  private final int index;
  /** State, citations, log probabilities and items, which need no joining. */
  private final Part.Builder part = Part.newBuilder();
  /** Text, refusal, reasoning, arguments or transcript. */
  private final StringBuilder words = new StringBuilder();
  private ByteString data = ByteString.EMPTY;
  private Kind kind;
  private ToolCallStarted call;
  private String mediaType = "";
  private String url = "";

  PartFold(int index) {
    this.index = index;
  }

  void text(TextDelta delta) {
    is(Kind.TEXT);
    words.append(delta.getText());
  }

  void refusal(RefusalDelta delta) {
    is(Kind.REFUSAL);
    words.append(delta.getText());
  }

  void reasoning(ReasoningDelta delta) {
    is(Kind.REASONING);
    words.append(delta.getText());
  }

  void toolCall(ToolCallStarted started) {
    if (call != null) {
      throw new BrokenStreamException("a second tool call begins in part " + index);
    }
    is(Kind.TOOL_CALL);
    call = started;
  }

  void arguments(ToolCallArgumentsDelta delta) {
    if (call == null) {
      throw new BrokenStreamException("arguments came for part " + index + ", which is no tool call");
    }
    words.append(delta.getArguments());
  }

  void citation(CitationAdded added) {
    part.addCitations(added.getCitation());
  }

  void logprobs(LogprobsDelta delta) {
    part.addAllLogprobs(delta.getTokensList());
  }

  void media(MediaDelta delta) {
    is(Kind.MEDIA);
    mediaType = mediaType.isEmpty() ? delta.getMediaType() : mediaType;
    url = delta.getUrl().isEmpty() ? url : delta.getUrl();
    data = data.concat(delta.getData());
    words.append(delta.getTranscript());
  }

  void item(ProviderItemAdded added) {
    is(Kind.PROVIDER_ITEM);
    part.setProviderItem(added.getItem());
  }

  void state(ProviderStateAttached attached) {
    part.setProviderState(attached.getState());
  }

  /** The part; empty where nothing came for it but what this client does not know. */
  Optional<Part> build() {
    if (kind == null) {
      return Optional.empty();
    }
    switch (kind) {
      case TEXT -> part.setText(words.toString());
      case REFUSAL -> part.setRefusal(words.toString());
      case REASONING -> part.setReasoning(Reasoning.newBuilder().setText(words.toString()));
      case TOOL_CALL -> part.setToolCall(buildToolCall());
      case MEDIA -> buildMedia();
      case PROVIDER_ITEM -> { }
    }
    return Optional.of(part.build());
  }

  private void is(Kind kind) {
    if (this.kind != null && this.kind != kind) {
      throw new BrokenStreamException("part " + index + " is " + this.kind + " and cannot become " + kind);
    }
    this.kind = kind;
  }

  private ToolCall buildToolCall() {
    // The contract: arguments are never empty in an answer.
    String arguments = words.length() == 0 ? "{}" : words.toString();
    return ToolCall.newBuilder().setId(call.getId()).setName(call.getName()).setArguments(arguments).build();
  }

  /** Bytes win over an address where both came. */
  private void buildMedia() {
    boolean byAddress = data.isEmpty() && !url.isEmpty();
    if (mediaType.startsWith("image/")) {
      Image.Builder image = Image.newBuilder().setMediaType(mediaType);
      part.setImage(byAddress ? image.setUrl(url) : image.setData(data));
    } else if (mediaType.startsWith("audio/")) {
      Audio.Builder audio = Audio.newBuilder().setMediaType(mediaType).setTranscript(words.toString());
      part.setAudio(byAddress ? audio.setUrl(url) : audio.setData(data));
    } else {
      File.Builder file = File.newBuilder().setMediaType(mediaType);
      part.setFile(byAddress ? file.setUrl(url) : file.setData(data));
    }
  }
}
