package io.hedgerow.client;

import io.hedgerow.chat.v1.Completed;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.chat.v1.RouteChange;
import io.hedgerow.chat.v1.RouteChangeAction;
import io.hedgerow.chat.v1.Started;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.chat.v1.TextDelta;
import io.hedgerow.common.v1.Usage;
import io.hedgerow.common.v1.Warning;
import java.util.ArrayList;
import java.util.List;

/** Events of an answer, numbered as they are added. */
final class Events {
  private final List<StreamCompleteResponse> events = new ArrayList<>();

  static Events started() {
    return new Events()
        .add(
            StreamCompleteResponse.newBuilder()
                .setStarted(
                    Started.newBuilder()
                        .setProvider("first")
                        .setModel("first-model")
                        .setResponseId("first-id")
                        .addWarnings(Warning.newBuilder().setField("chat.top_k"))));
  }

  Events add(StreamCompleteResponse.Builder event) {
    events.add(event.setSequence(events.size() + 1).build());
    return this;
  }

  Events text(int part, String text) {
    TextDelta delta = TextDelta.newBuilder().setPartIndex(part).setText(text).build();
    return add(StreamCompleteResponse.newBuilder().setTextDelta(delta));
  }

  Events routeChange(RouteChangeAction action) {
    return add(
        StreamCompleteResponse.newBuilder()
            .setRouteChange(
                RouteChange.newBuilder()
                    .setAction(action)
                    .setToProvider("second")
                    .setToModel("second-model")
                    .setResponseId("second-id")));
  }

  Events completed() {
    return add(
        StreamCompleteResponse.newBuilder()
            .setCompleted(
                Completed.newBuilder()
                    .setFinishReason(FinishReason.FINISH_REASON_STOP)
                    .setNativeFinishReason("stop")
                    .setUsage(Usage.newBuilder().setInputTokens(3).setOutputTokens(5).setFinal(true))
                    .setCostPicos(70)));
  }

  List<StreamCompleteResponse> list() {
    return events;
  }
}
