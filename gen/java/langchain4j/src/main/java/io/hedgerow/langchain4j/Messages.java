package io.hedgerow.langchain4j;

import com.google.protobuf.ByteString;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.AudioContent;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.PdfFileContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.hedgerow.chat.v1.Audio;
import io.hedgerow.chat.v1.File;
import io.hedgerow.chat.v1.Image;
import io.hedgerow.chat.v1.ImageDetail;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.ToolCall;
import io.hedgerow.client.Prompts;
import java.util.Base64;
import java.util.Optional;

/** Makes messages of the gateway of those of LangChain4j. */
final class Messages {
  private static final String PDF = "application/pdf";

  private Messages() {}

  static Message of(ChatMessage message) {
    if (message instanceof SystemMessage system) {
      return Prompts.system(system.text());
    }
    if (message instanceof UserMessage user) {
      return user(user);
    }
    if (message instanceof AiMessage answer) {
      return Responses.original(answer).orElseGet(() -> assistant(answer));
    }
    if (message instanceof ToolExecutionResultMessage result) {
      return Prompts.toolResult(result.id(), result.text());
    }
    throw new UnsupportedFeatureException("messages of type " + message.type());
  }

  private static Message user(UserMessage user) {
    Message.Builder message = Message.newBuilder().setRole(Role.ROLE_USER);
    Optional.ofNullable(user.name()).ifPresent(message::setName);
    user.contents().forEach(content -> message.addContent(part(content)));
    return message.build();
  }

  private static Message assistant(AiMessage answer) {
    Message.Builder message = Message.newBuilder().setRole(Role.ROLE_ASSISTANT);
    if (answer.text() != null && !answer.text().isEmpty()) {
      message.addContent(Part.newBuilder().setText(answer.text()));
    }
    answer
        .toolExecutionRequests()
        .forEach(
            call ->
                message.addContent(
                    Part.newBuilder()
                        .setToolCall(
                            ToolCall.newBuilder()
                                .setId(call.id())
                                .setName(call.name())
                                .setArguments(call.arguments()))));
    return message.build();
  }

  private static Part part(Content content) {
    if (content instanceof TextContent text) {
      return Part.newBuilder().setText(text.text()).build();
    }
    if (content instanceof ImageContent image) {
      return image(image);
    }
    if (content instanceof AudioContent audio) {
      return audio(audio);
    }
    if (content instanceof PdfFileContent pdf) {
      return pdf(pdf);
    }
    throw new UnsupportedFeatureException("content of type " + content.type());
  }

  private static Part image(ImageContent content) {
    Image.Builder image = Image.newBuilder().setDetail(detail(content.detailLevel()));
    Optional.ofNullable(content.image().mimeType()).ifPresent(image::setMediaType);
    if (content.image().url() != null) {
      image.setUrl(content.image().url().toString());
    } else {
      image.setData(bytes(content.image().base64Data()));
    }
    return Part.newBuilder().setImage(image).build();
  }

  private static Part audio(AudioContent content) {
    Audio.Builder audio = Audio.newBuilder();
    Optional.ofNullable(content.audio().mimeType()).ifPresent(audio::setMediaType);
    if (content.audio().url() != null) {
      audio.setUrl(content.audio().url().toString());
    } else if (content.audio().binaryData() != null) {
      audio.setData(ByteString.copyFrom(content.audio().binaryData()));
    } else {
      audio.setData(bytes(content.audio().base64Data()));
    }
    return Part.newBuilder().setAudio(audio).build();
  }

  private static Part pdf(PdfFileContent content) {
    File.Builder file =
        File.newBuilder().setMediaType(Optional.ofNullable(content.pdfFile().mimeType()).orElse(PDF));
    if (content.pdfFile().url() != null) {
      file.setUrl(content.pdfFile().url().toString());
    } else {
      file.setData(bytes(content.pdfFile().base64Data()));
    }
    return Part.newBuilder().setFile(file).build();
  }

  /** Levels of later versions are left to the provider. */
  private static ImageDetail detail(ImageContent.DetailLevel level) {
    return switch (level) {
      case HIGH -> ImageDetail.IMAGE_DETAIL_HIGH;
      case LOW -> ImageDetail.IMAGE_DETAIL_LOW;
      default -> ImageDetail.IMAGE_DETAIL_AUTO;
    };
  }

  private static ByteString bytes(String base64) {
    return ByteString.copyFrom(Base64.getDecoder().decode(base64));
  }
}
