package io.hedgerow.jackson;

import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** Makes the JSON Schema of one class. */
final class Schemas {
  private static final Set<Class<?>> INTEGERS =
      Set.of(
          byte.class, short.class, int.class, long.class, Byte.class, Short.class, Integer.class, Long.class,
          BigInteger.class);
  private static final Set<Class<?>> NUMBERS =
      Set.of(float.class, double.class, Float.class, Double.class, BigDecimal.class);
  private static final Set<Class<?>> STRINGS =
      Set.of(String.class, CharSequence.class, char.class, Character.class, URI.class, LocalDateTime.class);
  /** Only formats that the strict modes of providers know; others are plain strings. */
  private static final Map<Class<?>, String> FORMATS =
      Map.of(
          LocalDate.class, "date",
          LocalTime.class, "time",
          Instant.class, "date-time",
          OffsetDateTime.class, "date-time",
          ZonedDateTime.class, "date-time",
          UUID.class, "uuid");

  private final ObjectMapper mapper;
  private final ObjectNode definitions = JsonNodeFactory.instance.objectNode();
  /** The definitions by type. The key comes before its schema, or a class that refers to itself would never end. */
  private final Map<JavaType, String> names = new HashMap<>();

  Schemas(ObjectMapper mapper) {
    this.mapper = mapper;
  }

  ObjectNode of(Class<?> root) {
    JavaType type = mapper.constructType(root);
    if (isSimple(type)) {
      throw new IllegalArgumentException("the schema of " + root.getName() + " is no object: wrap it in a record");
    }
    names.put(type, "");
    ObjectNode schema = object(type);
    if (!definitions.isEmpty()) {
      schema.set("$defs", definitions);
    }
    return schema;
  }

  private ObjectNode schema(JavaType type) {
    Class<?> raw = type.getRawClass();
    if (INTEGERS.contains(raw)) {
      return typed("integer");
    }
    if (NUMBERS.contains(raw)) {
      return typed("number");
    }
    if (raw == boolean.class || raw == Boolean.class) {
      return typed("boolean");
    }
    if (STRINGS.contains(raw)) {
      return typed("string");
    }
    if (FORMATS.containsKey(raw)) {
      return typed("string").put("format", FORMATS.get(raw));
    }
    if (type.isEnumType()) {
      return enumeration(type);
    }
    if (type.isArrayType() || type.isCollectionLikeType()) {
      return typed("array").set("items", schema(type.getContentType()));
    }
    if (type.isMapLikeType()) {
      return map(type);
    }
    if (type.isReferenceType()) {
      return nullable(schema(type.getReferencedType()));
    }
    return reference(type);
  }

  private static boolean isSimple(JavaType type) {
    Class<?> raw = type.getRawClass();
    return INTEGERS.contains(raw)
        || NUMBERS.contains(raw)
        || STRINGS.contains(raw)
        || FORMATS.containsKey(raw)
        || raw == boolean.class
        || raw == Boolean.class
        || type.isEnumType()
        || type.isContainerType()
        || type.isReferenceType();
  }

  private ObjectNode enumeration(JavaType type) {
    ObjectNode schema = typed("string");
    ArrayNode values = schema.putArray("enum");
    for (Object constant : type.getRawClass().getEnumConstants()) {
      // As Jackson writes them, so that @JsonProperty and @JsonValue count.
      values.add(mapper.convertValue(constant, String.class));
    }
    return schema;
  }

  private ObjectNode map(JavaType type) {
    if (type.getKeyType().getRawClass() != String.class) {
      throw new IllegalArgumentException(type + " has keys that are no strings");
    }
    return typed("object").set("additionalProperties", schema(type.getContentType()));
  }

  private static ObjectNode nullable(ObjectNode schema) {
    ObjectNode either = JsonNodeFactory.instance.objectNode();
    either.putArray("anyOf").add(schema).add(typed("null"));
    return either;
  }

  private ObjectNode reference(JavaType type) {
    String name = names.get(type);
    if (name == null) {
      name = unusedName(type);
      names.put(type, name);
      definitions.putNull(name);
      definitions.set(name, object(type));
    }
    return JsonNodeFactory.instance.objectNode().put("$ref", name.isEmpty() ? "#" : "#/$defs/" + name);
  }

  private String unusedName(JavaType type) {
    String simple = type.getRawClass().getSimpleName();
    String name = simple;
    for (int count = 2; definitions.has(name); count++) {
      name = simple + count;
    }
    return name;
  }

  private ObjectNode object(JavaType type) {
    if (type.isJavaLangObject() || type.isAbstract() || type.isInterface()) {
      throw new IllegalArgumentException(type.getRawClass().getName() + " has no schema: use a record or a class");
    }
    BeanDescription bean = mapper.getDeserializationConfig().introspect(type);
    List<BeanPropertyDefinition> properties =
        bean.findProperties().stream().filter(BeanPropertyDefinition::couldDeserialize).toList();
    if (properties.isEmpty()) {
      throw new IllegalArgumentException(type.getRawClass().getName() + " has no properties that Jackson could set");
    }
    ObjectNode schema = typed("object");
    String description = bean.findClassDescription();
    if (description != null) {
      schema.put("description", description);
    }
    ObjectNode members = schema.putObject("properties");
    ArrayNode required = schema.putArray("required");
    for (BeanPropertyDefinition property : properties) {
      members.set(property.getName(), described(property));
      required.add(property.getName());
    }
    return schema.put("additionalProperties", false);
  }

  private ObjectNode described(BeanPropertyDefinition property) {
    ObjectNode schema = schema(property.getPrimaryType());
    String description = property.getMetadata().getDescription();
    // OpenAI's strict mode refuses a $ref that has a neighbour.
    return description == null || schema.has("$ref") ? schema : schema.put("description", description);
  }

  private static ObjectNode typed(String type) {
    return JsonNodeFactory.instance.objectNode().put("type", type);
  }
}
