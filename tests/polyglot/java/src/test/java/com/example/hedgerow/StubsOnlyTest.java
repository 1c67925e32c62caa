package com.example.hedgerow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.Code;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.hedgerow.chat.v1.ChatServiceGrpc;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceBlockingStub;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.HedgerowException;
import io.hedgerow.embed.v1.EmbedInput;
import io.hedgerow.embed.v1.EmbedRequest;
import io.hedgerow.embed.v1.EmbedServiceGrpc;
import io.hedgerow.embed.v1.EmbedSpec;
import io.hedgerow.errors.v1.ErrorReason;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Generated stubs on an ordinary channel are enough: the helper is a convenience. */
@NeedsStack
@Timeout(60)
class StubsOnlyTest {
  private static ManagedChannel channel;
  private static ChatServiceBlockingStub chat;

  @BeforeAll
  static void open() {
    channel =
        Grpc.newChannelBuilder(System.getenv("HEDGEROW_TEST_TARGET"), InsecureChannelCredentials.create()).build();
    chat = ChatServiceGrpc.newBlockingStub(channel);
  }

  @AfterAll
  static void close() throws Exception {
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
  }

  @Test
  void aUnaryCallAnswers() {
    CompleteResponse answer = chat.complete(Stack.complete("fast"));
    assertEquals(FinishReason.FINISH_REASON_STOP, answer.getFinishReason());
  }

  @Test
  void aStreamIsAnIteratorThatEndsWithCompleted() {
    Iterator<StreamCompleteResponse> events =
        chat.withDeadlineAfter(30, TimeUnit.SECONDS).streamComplete(Stack.stream("fast"));
    StringBuilder text = new StringBuilder();
    StreamCompleteResponse last = null;
    while (events.hasNext()) {
      last = events.next();
      text.append(last.getTextDelta().getText());
    }
    assertNotNull(last);
    assertTrue(last.hasCompleted());
    assertFalse(text.isEmpty());
  }

  @Test
  void anInputIsEmbedded() {
    EmbedSpec spec =
        EmbedSpec.newBuilder().setModel("embed-small").addInputs(EmbedInput.newBuilder().setText("hi")).build();
    assertTrue(
        EmbedServiceGrpc.newBlockingStub(channel)
                .embed(EmbedRequest.newBuilder().setEmbed(spec).build())
                .getEmbeddings(0)
                .getValuesCount()
            > 0);
  }

  @Test
  void theDetailsOfAnErrorDecodeWithTheToolsOfGrpc() {
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> chat.complete(Stack.complete("fsat")));
    com.google.rpc.Status status = StatusProto.fromThrowable(e);
    assertNotNull(status);
    assertEquals(Code.NOT_FOUND_VALUE, status.getCode());
    assertEquals(2, status.getDetailsCount());
  }

  @Test
  void theExceptionClassReadsWhatAStubThrew() {
    StatusRuntimeException e =
        assertThrows(StatusRuntimeException.class, () -> chat.complete(Stack.complete("fsat")));
    assertEquals(ErrorReason.ERROR_REASON_MODEL_NOT_FOUND, HedgerowException.from(e).getReason());
  }
}
