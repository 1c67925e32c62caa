package io.hedgerow.jackson;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.hedgerow.client.StructuredFormat;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes schemas of classes as Jackson sees them, and reads answers into them.
 *
 * <p>Names follow the annotations and the naming strategy of the mapper, and
 * {@code @JsonPropertyDescription} and {@code @JsonClassDescription} become descriptions, which the model reads. Every
 * property is required and no other is allowed, which is what the strict modes of providers ask for; a property of type
 * {@link java.util.Optional} may be null. Taken are records and beans, which may refer to themselves, strings, numbers,
 * booleans, enums, arrays and collections, dates and times of {@code java.time}, {@link java.util.UUID} and
 * {@link java.net.URI}; maps with string keys too, but not by every provider's strict mode.
 */
public final class JacksonFormat implements StructuredFormat {
  private final ObjectMapper mapper;
  private final Map<Class<?>, String> schemas = new ConcurrentHashMap<>();

  /** Makes a format with a mapper that takes no missing or null properties other than those of {@code Optional}. */
  public JacksonFormat() {
    this(
        JsonMapper.builder()
            .addModules(new Jdk8Module(), new JavaTimeModule())
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build());
  }

  /**
   * Makes a format with a mapper of the application.
   *
   * @param mapper the mapper; do not configure it any more
   */
  public JacksonFormat(ObjectMapper mapper) {
    this.mapper = Objects.requireNonNull(mapper, "mapper");
  }

  @Override
  public String schema(Class<?> type) {
    return schemas.computeIfAbsent(type, root -> new Schemas(mapper).of(root).toString());
  }

  @Override
  public <T> T read(String json, Class<T> type) {
    T value;
    try {
      value = mapper.readValue(json, type);
    } catch (JsonProcessingException e) {
      // Neither its message nor the exception itself goes on: both quote the text, which is a person's.
      throw new IllegalArgumentException("at " + place(e) + ": " + e.getClass().getSimpleName());
    }
    if (value == null) {
      throw new IllegalArgumentException("the text is null");
    }
    return value;
  }

  private static String place(JsonProcessingException e) {
    return e.getLocation() == null
        ? "an unknown place"
        : "line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
  }
}
