package io.hedgerow.testing;

import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.hedgerow.chat.v1.ChatServiceGrpc.ChatServiceImplBase;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.CompleteResponse;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.ChatFold;
import io.hedgerow.common.v1.CallReport;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Says what was scripted; the call in one piece is the fold of the stream, as it is in the gateway. */
final class FakeChat extends ChatServiceImplBase {
  private final Function<ChatSpec, Answer> script;
  private final ScheduledExecutorService clock;

  FakeChat(Function<ChatSpec, Answer> script, ScheduledExecutorService clock) {
    this.script = script;
    this.clock = clock;
  }

  @Override
  public void complete(CompleteRequest request, StreamObserver<CompleteResponse> observer) {
    ServerCallStreamObserver<CompleteResponse> call = (ServerCallStreamObserver<CompleteResponse>) observer;
    // With a handler, an answer to a caller who has left is dropped; without one it would throw.
    call.setOnCancelHandler(() -> { });
    Answer answer = script.apply(request.getChat());
    CompleteResponse whole = report(answer);
    long nanos = answer.pause().toNanos() * answer.events().size();
    if (nanos == 0) {
      answer(call, answer, whole);
    } else {
      clock.schedule(() -> answer(call, answer, whole), nanos, TimeUnit.NANOSECONDS);
    }
  }

  @Override
  public void streamComplete(StreamCompleteRequest request, StreamObserver<StreamCompleteResponse> observer) {
    Answer answer = script.apply(request.getChat());
    report(answer);
    new Delivery((ServerCallStreamObserver<StreamCompleteResponse>) observer, answer, clock).begin();
  }

  private static void answer(ServerCallStreamObserver<CompleteResponse> call, Answer answer, CompleteResponse whole) {
    if (answer.ending() instanceof Ending.Whole) {
      call.onNext(whole);
    }
    Delivery.end(call, answer.ending());
  }

  /** Folds the answer, and tells its usage in the trailers. */
  private static CompleteResponse report(Answer answer) {
    ChatFold fold = new ChatFold();
    answer.events().forEach(fold::add);
    CompleteResponse folded = fold.partial();
    CallReport.Builder report = CallReport.newBuilder();
    if (folded.hasUsage()) {
      report.setUsage(folded.getUsage());
    }
    if (folded.hasCostPicos()) {
      report.setCostPicos(folded.getCostPicos()).setChargedPicos(folded.getChargedPicos());
    }
    Recorder.CALL.get().report(report.build());
    return folded;
  }
}
