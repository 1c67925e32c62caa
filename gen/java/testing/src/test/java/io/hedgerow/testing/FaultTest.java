package io.hedgerow.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.PreconditionFailure;
import com.google.rpc.QuotaFailure;
import com.google.rpc.ResourceInfo;
import io.grpc.Status;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.client.Prompts;
import io.hedgerow.errors.v1.ErrorReason;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

@Timeout(20)
class FaultTest {
  private static FakeGateway gateway;

  @BeforeAll
  static void start() {
    gateway = FakeGateway.start();
  }

  @AfterAll
  static void close() {
    gateway.close();
  }

  private static HedgerowException thrown(Fault fault) {
    gateway.enqueue(Answer.fault(fault));
    return assertThrows(
        HedgerowException.class, () -> gateway.client().complete(Prompts.complete("fast", Prompts.user("hi"))));
  }

  /** The contract is in the jar of the client, and the code of a reason stands first in its comment. */
  private static Status.Code stated(ErrorReason reason) throws Exception {
    String proto;
    try (InputStream in =
        ErrorReason.class.getClassLoader().getResourceAsStream("hedgerow/errors/v1/error_reason.proto")) {
      proto = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    Matcher comment =
        Pattern.compile("  // ([A-Z_]+)\\.[^\\n]*\\n(?:  //[^\\n]*\\n)*  " + reason.name() + " = ").matcher(proto);
    assertTrue(comment.find(), "no comment on " + reason);
    return Status.Code.valueOf(comment.group(1));
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"ERROR_REASON_UNSPECIFIED", "UNRECOGNIZED"})
  void everyReasonHasTheCodeThatTheContractStates(ErrorReason reason) throws Exception {
    HedgerowException e = thrown(Fault.of(reason));
    assertEquals(stated(reason), e.getCode());
    assertEquals(reason, e.getReason());
    assertTrue(e.getRequestId().isPresent());
    assertTrue(e.getReport().isPresent());
  }

  @Test
  void noCallFailsForNoReason() {
    assertThrows(IllegalArgumentException.class, () -> Fault.of(ErrorReason.ERROR_REASON_UNSPECIFIED));
    assertThrows(IllegalArgumentException.class, () -> Fault.of(ErrorReason.UNRECOGNIZED));
  }

  @Test
  void theDetailsOfABadRequestAreThere() {
    HedgerowException e =
        thrown(
            Fault.of(ErrorReason.ERROR_REASON_REQUEST_INVALID)
                .message("wrong")
                .violation("chat.temperature", "0 to 2")
                .violation("chat.top_p", "0 to 1"));
    assertEquals("wrong", e.getDescription());
    assertEquals(
        List.of("chat.temperature", "chat.top_p"),
        e.getFieldViolations().stream().map(BadRequest.FieldViolation::getField).toList());
  }

  @Test
  void theDetailsOfWhatWasNotFoundAreThere() {
    HedgerowException e =
        thrown(Fault.of(ErrorReason.ERROR_REASON_MODEL_NOT_FOUND).metadata("model", "fsat"));
    assertEquals(Map.of("model", "fsat"), e.getMetadata());
    ResourceInfo resource = e.getDetail(ResourceInfo.class).orElseThrow();
    assertEquals(List.of("model", "fsat"), List.of(resource.getResourceType(), resource.getResourceName()));
  }

  @Test
  void theDetailsOfAQuotaAreThereWithItsDelay() {
    HedgerowException e =
        thrown(
            Fault.of(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED)
                .metadata("quota", "per-user")
                .retryAfter(Duration.ofMillis(1500)));
    assertEquals("per-user", e.getDetail(QuotaFailure.class).orElseThrow().getViolations(0).getSubject());
    assertEquals(Optional.of(Duration.ofMillis(1500)), e.getRetryDelay());
  }

  @Test
  void theDetailsOfAPreconditionAreThere() {
    HedgerowException e = thrown(Fault.of(ErrorReason.ERROR_REASON_PRICE_UNKNOWN));
    assertEquals(
        "PRICE_UNKNOWN", e.getDetail(PreconditionFailure.class).orElseThrow().getViolations(0).getType());
    assertEquals("hedgerow", e.getDetail(ErrorInfo.class).orElseThrow().getDomain());
  }

  @Test
  void onlyABadRequestHasViolations() {
    Fault fault = Fault.of(ErrorReason.ERROR_REASON_OVERLOADED);
    assertThrows(IllegalStateException.class, () -> fault.violation("chat", "wrong"));
  }

  @Test
  void aChannelOfTheClientRetriesWhatHasADelayAndNothingElse() {
    Fault overloaded = Fault.of(ErrorReason.ERROR_REASON_OVERLOADED);
    try (FakeGateway listening = FakeGateway.listen()) {
      listening.enqueue(Answer.fault(overloaded.retryAfter(Duration.ofMillis(10))), Answer.text("second"));
      listening.client().complete(Prompts.complete("fast"));
      assertEquals(2, listening.calls().size());
      listening.enqueue(Answer.fault(overloaded), Answer.text("not asked for"));
      assertThrows(HedgerowException.class, () -> listening.client().complete(Prompts.complete("fast")));
      assertEquals(1, listening.remaining());
    }
  }
}
