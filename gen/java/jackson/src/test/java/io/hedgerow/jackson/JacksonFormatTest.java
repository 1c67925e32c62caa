package io.hedgerow.jackson;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.client.Decoded;
import io.hedgerow.client.MalformedAnswerException;
import io.hedgerow.client.Prompts;
import io.hedgerow.client.RefusedException;
import io.hedgerow.client.TruncatedException;
import io.hedgerow.testing.Answer;
import io.hedgerow.testing.FakeGateway;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
class JacksonFormatTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final JacksonFormat format = new JacksonFormat();

  record Place(String city, String country, Optional<Integer> population) {}

  enum Size {
    SMALL,
    @JsonProperty("big")
    LARGE
  }

  record Everything(
      long whole, double real, boolean flag, Size size, List<String> words, int[] counts, Map<String, Double> scores,
      LocalDate day, Instant moment, UUID id) {}

  record Tree(String name, List<Tree> children) {}

  record Forest(List<Tree> trees, Tree oldest) {}

  record Described(
      @JsonPropertyDescription("in degrees Celsius") double temperature, @JsonProperty("wind_speed") double wind) {}

  static final class Bean {
    private String name;

    public String getName() {
      return name;
    }

    public void setName(String name) {
      this.name = name;
    }

    @JsonIgnore
    public String getSecret() {
      return "x";
    }
  }

  interface Shape {}

  record WithShape(Shape shape) {}

  record WithAnything(Object any) {}

  private static JsonNode json(String text) throws Exception {
    return JSON.readTree(text);
  }

  private void assertSchema(String expected, Class<?> type) throws Exception {
    assertEquals(json(expected), json(format.schema(type)));
  }

  /** Or the run with the newest version would prove nothing. */
  @Test
  void theTestsRunWithTheJacksonThatTheBuildNames() {
    assertEquals(System.getProperty("expected.jackson.version"), JSON.version().toString());
  }

  @Test
  void everyPropertyIsRequiredAndAnOptionalOneMayBeNull() throws Exception {
    assertSchema(
        """
        {"type": "object",
         "properties": {
           "city": {"type": "string"},
           "country": {"type": "string"},
           "population": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
         "required": ["city", "country", "population"],
         "additionalProperties": false}
        """,
        Place.class);
  }

  @Test
  void eachKindOfValueHasItsType() throws Exception {
    assertEquals(
        json(
            """
            {"whole": {"type": "integer"}, "real": {"type": "number"}, "flag": {"type": "boolean"},
             "size": {"type": "string", "enum": ["SMALL", "big"]},
             "words": {"type": "array", "items": {"type": "string"}},
             "counts": {"type": "array", "items": {"type": "integer"}},
             "scores": {"type": "object", "additionalProperties": {"type": "number"}},
             "day": {"type": "string", "format": "date"},
             "moment": {"type": "string", "format": "date-time"},
             "id": {"type": "string", "format": "uuid"}}
            """),
        json(format.schema(Everything.class)).get("properties"));
  }

  @Test
  void aClassThatRefersToItselfEnds() throws Exception {
    assertSchema(
        """
        {"type": "object",
         "properties": {
           "name": {"type": "string"},
           "children": {"type": "array", "items": {"$ref": "#"}}},
         "required": ["name", "children"],
         "additionalProperties": false}
        """,
        Tree.class);
  }

  @Test
  void aClassThatIsUsedTwiceIsDefinedOnce() throws Exception {
    JsonNode schema = json(format.schema(Forest.class));
    assertEquals("#/$defs/Tree", schema.at("/properties/oldest/$ref").asText());
    assertEquals("#/$defs/Tree", schema.at("/properties/trees/items/$ref").asText());
    assertEquals("#/$defs/Tree", schema.at("/$defs/Tree/properties/children/items/$ref").asText());
    assertEquals(1, schema.get("$defs").size());
  }

  @Test
  void namesAndDescriptionsAreThoseOfTheAnnotations() throws Exception {
    JsonNode properties = json(format.schema(Described.class)).get("properties");
    assertEquals("in degrees Celsius", properties.at("/temperature/description").asText());
    assertTrue(properties.has("wind_speed"));
  }

  @Test
  void aBeanHasWhatCanBeSet() throws Exception {
    assertEquals(json("{\"name\": {\"type\": \"string\"}}"), json(format.schema(Bean.class)).get("properties"));
  }

  @Test
  void theNamingStrategyOfTheMapperHolds() throws Exception {
    record Snake(String firstName) {}

    JacksonFormat snake =
        new JacksonFormat(
            JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build());
    assertTrue(json(snake.schema(Snake.class)).get("properties").has("first_name"));
    assertEquals("Ada", snake.read("{\"first_name\": \"Ada\"}", Snake.class).firstName());
  }

  @ParameterizedTest
  @ValueSource(
      classes = {String.class, int[].class, List.class, Shape.class, Object.class, WithShape.class, WithAnything.class})
  void whatHasNoSchemaIsRefused(Class<?> type) {
    assertThrows(IllegalArgumentException.class, () -> format.schema(type));
  }

  @Test
  void anOptionalPropertyMayBeNullOrMissing() {
    assertEquals(
        new Place("Rome", "Italy", Optional.empty()),
        format.read("{\"city\": \"Rome\", \"country\": \"Italy\", \"population\": null}", Place.class));
    assertEquals(
        new Place("Rome", "Italy", Optional.empty()),
        format.read("{\"city\": \"Rome\", \"country\": \"Italy\"}", Place.class));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"city\": \"Rome\"}",
        "{\"city\": \"Rome\", \"country\": null}",
        "{\"city\": \"Rome\", \"country\": \"Italy\"} and more",
        "{\"city\": \"Rome\", \"country\": \"Ita",
        "Rome",
        "null",
        "[]"
      })
  void whatIsNoPlaceIsRefusedWithoutQuotingIt(String text) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> format.read(text, Place.class));
    assertFalse(e.getMessage().contains("Rome"), e.getMessage());
    assertNull(e.getCause());
  }

  @Test
  void theClientFindsTheFormatByItself() {
    try (FakeGateway gateway = FakeGateway.start()) {
      gateway.enqueue("{\"city\": \"Rome\", \"country\": \"Italy\", \"population\": 2746984}");
      Decoded<Place> decoded = gateway.client().decode(Prompts.complete("fast", Prompts.user("Where?")), Place.class);
      assertEquals(new Place("Rome", "Italy", Optional.of(2746984)), decoded.value());
      assertEquals("fake-model", decoded.answer().getModel());
      assertEquals(
          format.schema(Place.class),
          gateway.calls().get(0).getChat().getResponseFormat().getJsonSchema().getSchema());
    }
  }

  @Test
  void eachWayOfNotAnsweringHasItsException() {
    try (FakeGateway gateway = FakeGateway.start()) {
      gateway.enqueue(
          Answer.refusal("No."),
          Answer.text("{\"city\": \"Ro").finish(FinishReason.FINISH_REASON_LENGTH),
          Answer.text("Rome, of course"));
      for (Class<? extends Exception> expected :
          List.of(RefusedException.class, TruncatedException.class, MalformedAnswerException.class)) {
        assertThrows(expected, () -> gateway.client().decode(Prompts.complete("fast"), Place.class));
      }
    }
  }
}
