package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceImplBase;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.common.v1.CallReport;
import io.hedgerow.errors.v1.ErrorReason;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HedgerowExceptionTest {
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
  private static final Metadata.Key<byte[]> REPORT =
      Metadata.Key.of("hedgerow-report-bin", Metadata.BINARY_BYTE_MARSHALLER);
  private static final Metadata.Key<String> REQUEST_ID =
      Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

  private static StatusRuntimeException failure(Status status, Message... details) {
    com.google.rpc.Status.Builder proto = com.google.rpc.Status.newBuilder().setCode(status.getCode().value());
    for (Message detail : details) {
      proto.addDetails(Any.pack(detail));
    }
    Metadata trailers = new Metadata();
    trailers.put(DETAILS, proto.build().toByteArray());
    return status.asRuntimeException(trailers);
  }

  private static ErrorInfo info(String reason) {
    return ErrorInfo.newBuilder().setDomain("hedgerow").setReason(reason).putMetadata("model", "fsat").build();
  }

  @Test
  void theReasonAndItsMetadataAreRead() {
    HedgerowException e =
        HedgerowException.from(
            failure(Status.NOT_FOUND.withDescription("no model fsat"), info("ERROR_REASON_MODEL_NOT_FOUND")));
    assertEquals(Status.Code.NOT_FOUND, e.getCode());
    assertEquals(ErrorReason.ERROR_REASON_MODEL_NOT_FOUND, e.getReason());
    assertEquals(Map.of("model", "fsat"), e.getMetadata());
    assertEquals("no model fsat", e.getDescription());
    assertEquals("NOT_FOUND: no model fsat", e.getMessage());
  }

  @Test
  void aReasonOfTheFutureIsKeptAsItCame() {
    HedgerowException e = HedgerowException.from(failure(Status.ABORTED, info("ERROR_REASON_OF_TOMORROW")));
    assertEquals(ErrorReason.UNRECOGNIZED, e.getReason());
    assertEquals("ERROR_REASON_OF_TOMORROW", e.getRawReason());
  }

  @Test
  void aReasonOfAnotherDomainIsNotOurs() {
    ErrorInfo foreign = ErrorInfo.newBuilder().setDomain("mesh").setReason("ERROR_REASON_INTERNAL").build();
    HedgerowException e = HedgerowException.from(failure(Status.UNAVAILABLE, foreign));
    assertEquals(ErrorReason.ERROR_REASON_UNSPECIFIED, e.getReason());
    assertEquals("", e.getRawReason());
  }

  @Test
  void fieldViolationsAreRead() {
    BadRequest.FieldViolation violation =
        BadRequest.FieldViolation.newBuilder().setField("chat.temperature").setDescription("0 to 2").build();
    HedgerowException e =
        HedgerowException.from(
            failure(
                Status.INVALID_ARGUMENT,
                info("ERROR_REASON_REQUEST_INVALID"),
                BadRequest.newBuilder().addFieldViolations(violation).build()));
    assertEquals(List.of(violation), e.getFieldViolations());
  }

  @Test
  void theRetryDelayIsRead() {
    RetryInfo retry =
        RetryInfo.newBuilder()
            .setRetryDelay(com.google.protobuf.Duration.newBuilder().setSeconds(2).setNanos(500_000_000))
            .build();
    HedgerowException e = HedgerowException.from(failure(Status.UNAVAILABLE, retry));
    assertEquals(Optional.of(Duration.ofMillis(2500)), e.getRetryDelay());
  }

  @Test
  void anyOtherDetailCanBeHad() {
    ResourceInfo resource = ResourceInfo.newBuilder().setResourceName("fsat").build();
    HedgerowException e = HedgerowException.from(failure(Status.NOT_FOUND, resource));
    assertEquals(Optional.of(resource), e.getDetail(ResourceInfo.class));
    assertEquals(Optional.empty(), e.getDetail(BadRequest.class));
  }

  @Test
  void theRequestIdAndTheReportAreRead() {
    CallReport report = CallReport.newBuilder().setRequestId("r-1").setOmittedAttemptsCount(2).build();
    Metadata trailers = new Metadata();
    trailers.put(REQUEST_ID, "r-1");
    trailers.put(REPORT, report.toByteArray());
    HedgerowException e = HedgerowException.from(Status.UNAVAILABLE.asRuntimeException(trailers));
    assertEquals(Optional.of("r-1"), e.getRequestId());
    assertEquals(Optional.of(report), e.getReport());
  }

  @Test
  void aFailureWithoutTrailersHasEmptyDetails() {
    HedgerowException e = HedgerowException.from(new StatusRuntimeException(Status.UNAVAILABLE));
    assertEquals(ErrorReason.ERROR_REASON_UNSPECIFIED, e.getReason());
    assertEquals(Map.of(), e.getMetadata());
    assertEquals(List.of(), e.getFieldViolations());
    assertEquals(Optional.empty(), e.getRetryDelay());
    assertEquals(Optional.empty(), e.getRequestId());
    assertEquals(Optional.empty(), e.getReport());
    assertEquals("", e.getDescription());
  }

  @Test
  void trailersThatCannotBeReadDoNotHideTheFailure() {
    Metadata trailers = new Metadata();
    trailers.put(DETAILS, new byte[] {(byte) 0xff, 1, 2});
    trailers.put(REPORT, new byte[] {(byte) 0xff, 1, 2});
    HedgerowException e = HedgerowException.from(Status.INTERNAL.asRuntimeException(trailers));
    assertEquals(Status.Code.INTERNAL, e.getCode());
    assertEquals(Optional.empty(), e.getReport());
  }

  @Test
  void whatTheStubThrewIsTheCause() {
    StatusRuntimeException unchecked = new StatusRuntimeException(Status.UNAVAILABLE);
    StatusException checked = new StatusException(Status.UNAVAILABLE);
    assertSame(unchecked, HedgerowException.from(unchecked).getCause());
    assertSame(checked, HedgerowException.from(checked).getCause());
  }

  @Test
  void readingTwiceGivesTheSameException() {
    HedgerowException e = HedgerowException.from(new StatusRuntimeException(Status.UNAVAILABLE));
    assertSame(e, HedgerowException.from((StatusRuntimeException) e));
  }

  @Test
  void aUnaryCallOfTheHelperThrowsTheDetails() throws Exception {
    ChatServiceImplBase service =
        new ChatServiceImplBase() {
          @Override
          public void complete(CompleteRequest request, StreamObserver<CompleteResponse> answer) {
            answer.onError(failure(Status.NOT_FOUND, info("ERROR_REASON_MODEL_NOT_FOUND")));
          }
        };
    try (FakeGateway gateway = new FakeGateway(service)) {
      HedgerowException e =
          assertThrows(
              HedgerowException.class, () -> gateway.client().complete(CompleteRequest.getDefaultInstance()));
      assertEquals(ErrorReason.ERROR_REASON_MODEL_NOT_FOUND, e.getReason());
    }
  }
}
