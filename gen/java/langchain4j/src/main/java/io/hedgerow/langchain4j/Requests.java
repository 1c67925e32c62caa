package io.hedgerow.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.FunctionTool;
import io.hedgerow.chat.v1.JsonObjectFormat;
import io.hedgerow.chat.v1.JsonSchemaFormat;
import io.hedgerow.chat.v1.ResponseFormat;
import io.hedgerow.chat.v1.Tool;
import io.hedgerow.chat.v1.ToolChoice;
import io.hedgerow.chat.v1.ToolChoiceMode;
import java.util.Optional;

/** Makes conversations of the gateway of requests of LangChain4j. */
final class Requests {
  private static final int NAME_CHARACTERS = 64;

  private Requests() {}

  static ChatSpec chat(ChatRequest request) {
    ChatSpec.Builder chat = ChatSpec.newBuilder();
    request.messages().forEach(message -> chat.addMessages(Messages.of(message)));
    Optional.ofNullable(request.modelName()).ifPresent(chat::setModel);
    Optional.ofNullable(request.temperature()).ifPresent(chat::setTemperature);
    Optional.ofNullable(request.topP()).ifPresent(chat::setTopP);
    Optional.ofNullable(request.topK()).ifPresent(chat::setTopK);
    Optional.ofNullable(request.frequencyPenalty()).ifPresent(chat::setFrequencyPenalty);
    Optional.ofNullable(request.presencePenalty()).ifPresent(chat::setPresencePenalty);
    Optional.ofNullable(request.maxOutputTokens()).ifPresent(chat::setMaxOutputTokens);
    Optional.ofNullable(request.stopSequences()).ifPresent(chat::addAllStopSequences);
    Optional.ofNullable(request.toolSpecifications())
        .ifPresent(tools -> tools.forEach(tool -> chat.addTools(tool(tool))));
    Optional.ofNullable(request.toolChoice()).ifPresent(choice -> chat.setToolChoice(choice(choice)));
    Optional.ofNullable(request.responseFormat())
        .filter(format -> format.type() == ResponseFormatType.JSON)
        .ifPresent(format -> chat.setResponseFormat(format(format)));
    return chat.build();
  }

  private static Tool tool(ToolSpecification specification) {
    FunctionTool.Builder function = FunctionTool.newBuilder().setName(specification.name());
    Optional.ofNullable(specification.description()).ifPresent(function::setDescription);
    Optional.ofNullable(specification.parameters()).ifPresent(schema -> function.setParameters(json(schema)));
    return Tool.newBuilder().setFunction(function).build();
  }

  private static ToolChoice choice(dev.langchain4j.model.chat.request.ToolChoice choice) {
    return ToolChoice.newBuilder()
        .setMode(
            switch (choice) {
              case AUTO -> ToolChoiceMode.TOOL_CHOICE_MODE_AUTO;
              case REQUIRED -> ToolChoiceMode.TOOL_CHOICE_MODE_REQUIRED;
              case NONE -> ToolChoiceMode.TOOL_CHOICE_MODE_NONE;
            })
        .build();
  }

  private static ResponseFormat format(dev.langchain4j.model.chat.request.ResponseFormat format) {
    if (format.jsonSchema() == null) {
      return ResponseFormat.newBuilder().setJsonObject(JsonObjectFormat.getDefaultInstance()).build();
    }
    String name = format.jsonSchema().name().replaceAll("[^A-Za-z0-9_-]", "_");
    return ResponseFormat.newBuilder()
        .setJsonSchema(
            JsonSchemaFormat.newBuilder()
                .setName(name.substring(0, Math.min(name.length(), NAME_CHARACTERS)))
                .setSchema(json(format.jsonSchema().rootElement())))
        .build();
  }

  private static String json(JsonSchemaElement schema) {
    return Json.write(JsonSchemaElementUtils.toMap(schema));
  }
}
