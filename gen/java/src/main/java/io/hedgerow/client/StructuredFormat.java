package io.hedgerow.client;

import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.JsonSchemaFormat;
import io.hedgerow.chat.v1.ResponseFormat;
import java.util.Iterator;
import java.util.ServiceLoader;

/**
 * Makes JSON Schemas of classes and reads JSON into them. {@code hedgerow-jackson} has the one that is used where it is
 * on the class path; {@link HedgerowClient#withStructuredFormat} sets any other. Safe for use by many threads.
 */
public interface StructuredFormat {
  /**
   * Gives the schema of a class.
   *
   * @param type the class
   * @return the text of a JSON Schema whose root is an object
   * @throws IllegalArgumentException when the class has no such schema
   */
  String schema(Class<?> type);

  /**
   * Reads an answer.
   *
   * @param json what the model wrote
   * @param type the class
   * @param <T> the class
   * @return the value, never null
   * @throws IllegalArgumentException when the text is not JSON, or not that of the class; its message holds none of the
   *     text
   */
  <T> T read(String json, Class<T> type);

  /**
   * Gives the format on the class path.
   *
   * @return the first that {@link ServiceLoader} finds
   * @throws IllegalStateException when there is none
   */
  static StructuredFormat onClassPath() {
    Iterator<StructuredFormat> found =
        ServiceLoader.load(StructuredFormat.class, StructuredFormat.class.getClassLoader()).iterator();
    if (!found.hasNext()) {
      throw new IllegalStateException("nothing reads JSON: add the dependency io.hedgerow:hedgerow-jackson");
    }
    return found.next();
  }

  /**
   * Asks for an answer of a class. A response format that the request has already stays.
   *
   * @param request the request
   * @param type the class
   * @return the request with the schema of the class, to be followed exactly
   */
  default CompleteRequest ask(CompleteRequest request, Class<?> type) {
    if (request.getChat().hasResponseFormat()) {
      return request;
    }
    String name = type.getSimpleName().replaceAll("[^A-Za-z0-9_-]", "_");
    JsonSchemaFormat.Builder format =
        JsonSchemaFormat.newBuilder()
            .setName(name.substring(0, Math.min(name.length(), 64)))
            .setSchema(schema(type))
            .setStrict(true);
    ChatSpec.Builder chat =
        request.getChat().toBuilder().setResponseFormat(ResponseFormat.newBuilder().setJsonSchema(format));
    return request.toBuilder().setChat(chat).build();
  }

  /**
   * Reads the text of an answer into a class.
   *
   * @param answer the answer, unary or collected from a stream
   * @param type the class
   * @param <T> the class
   * @return the value beside its answer
   * @throws RefusedException when the model, its provider or a guardrail refused
   * @throws TruncatedException when the answer stopped before its end
   * @throws MalformedAnswerException when the answer is not JSON of the class, or asks for a tool instead
   */
  default <T> Decoded<T> decode(CompleteResponse answer, Class<T> type) {
    String text = Answers.text(answer);
    if (text.isBlank()) {
      throw new MalformedAnswerException("the answer has no text: " + answer.getFinishReason(), answer, null);
    }
    try {
      return new Decoded<>(read(text, type), answer);
    } catch (IllegalArgumentException e) {
      throw new MalformedAnswerException("the answer is no " + type.getSimpleName(), answer, e);
    }
  }
}
