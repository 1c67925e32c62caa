package io.hedgerow.testing;

import io.hedgerow.chat.v1.Completed;
import io.hedgerow.chat.v1.FinishReason;
import io.hedgerow.chat.v1.ReasoningDelta;
import io.hedgerow.chat.v1.RefusalDelta;
import io.hedgerow.chat.v1.Started;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.chat.v1.TextDelta;
import io.hedgerow.chat.v1.ToolCallArgumentsDelta;
import io.hedgerow.chat.v1.ToolCallEnded;
import io.hedgerow.chat.v1.ToolCallStarted;
import io.hedgerow.common.v1.Usage;
import java.io.Reader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * What the fake gateway says to one chat, streamed or in one piece. Immutable; content is added in the order in which
 * it is sent, and {@code Started}, the numbers and {@code Completed} come by themselves.
 *
 * <pre>{@code
 * Answer.text("It is ", "sunny.")
 * Answer.empty().reasoning("Rome first.").toolCall("call-1", "weather", "{\"city\":", "\"Rome\"}")
 * Answer.text("It is ").cut()
 * Answer.fault(Fault.of(ErrorReason.ERROR_REASON_OVERLOADED))
 * Answer.recording(Path.of("answer.jsonl")).every(Duration.ofMillis(50))
 * }</pre>
 */
public final class Answer {
  private static final Usage USAGE =
      Usage.newBuilder()
          .setInputTokens(10)
          .setInputUncachedTokens(10)
          .setOutputTokens(5)
          .setOutputVisibleTokens(5)
          .setFinal(true)
          .build();

  /** {@code Started} first and {@code Completed} last, numbered. */
  private final List<StreamCompleteResponse> events;
  private final int parts;
  private final Ending ending;
  private final Duration pause;

  private Answer(List<StreamCompleteResponse> events, int parts, Ending ending, Duration pause) {
    this.events = events;
    this.parts = parts;
    this.ending = ending;
    this.pause = pause;
  }

  /**
   * Gives an answer without content, for the methods that add it.
   *
   * @return the answer, of provider {@code fake} and model {@code fake-model}, with 10 tokens in and 5 out
   */
  public static Answer empty() {
    Started started =
        Started.newBuilder().setProvider("fake").setModel("fake-model").setResponseId("fake-response").build();
    Completed completed =
        Completed.newBuilder()
            .setFinishReason(FinishReason.FINISH_REASON_STOP)
            .setNativeFinishReason("stop")
            .setUsage(USAGE)
            .build();
    List<StreamCompleteResponse> events =
        List.of(
            StreamCompleteResponse.newBuilder().setSequence(1).setStarted(started).build(),
            StreamCompleteResponse.newBuilder().setSequence(2).setCompleted(completed).build());
    return new Answer(events, 0, new Ending.Whole(), Duration.ZERO);
  }

  /**
   * Gives an answer of text.
   *
   * @param pieces the text, an event for each piece
   * @return the answer
   */
  public static Answer text(String... pieces) {
    return empty().thenText(pieces);
  }

  /**
   * Gives an answer in which the model refuses.
   *
   * @param words what the model says
   * @return the answer, which ends with {@code FINISH_REASON_REFUSAL}
   */
  public static Answer refusal(String words) {
    Answer empty = empty();
    return empty
        .add(event().setRefusalDelta(RefusalDelta.newBuilder().setText(words)), 1)
        .finish(FinishReason.FINISH_REASON_REFUSAL);
  }

  /**
   * Gives a failure before any content.
   *
   * @param fault the failure
   * @return the answer
   */
  public static Answer fault(Fault fault) {
    return new Answer(List.of(), 0, new Ending.Failed(Objects.requireNonNull(fault, "fault")), Duration.ZERO);
  }

  /**
   * Gives a gateway that says nothing until the caller leaves or the deadline passes.
   *
   * @return the answer
   */
  public static Answer silence() {
    return new Answer(List.of(), 0, new Ending.Silent(), Duration.ZERO);
  }

  /**
   * Gives a stream that was recorded: {@code StreamCompleteResponse} messages as JSON, as {@code grpcurl} prints them.
   *
   * @param file the file, in UTF-8
   * @return the answer
   * @throws IllegalArgumentException when it is no whole stream: not JSON of these messages, without {@code Started}
   *     first or {@code Completed} last, or with a gap in the numbers
   * @throws java.io.UncheckedIOException when the file cannot be read
   */
  public static Answer recording(Path file) {
    return of(Recording.read(file));
  }

  /**
   * Gives a stream that was recorded, from anywhere.
   *
   * @param reader where the JSON is read from; it stays open
   * @param name what errors call it
   * @return the answer
   * @throws IllegalArgumentException when it is no whole stream
   */
  public static Answer recording(Reader reader, String name) {
    return of(Recording.read(reader, name));
  }

  /**
   * Gives any stream.
   *
   * @param events the events of a whole stream, numbered from 1
   * @return the answer
   * @throws IllegalArgumentException when a gateway could not send it
   */
  public static Answer events(List<StreamCompleteResponse> events) {
    List<StreamCompleteResponse> copy = List.copyOf(events);
    Recording.check(copy, "events");
    return of(copy);
  }

  private static Answer of(List<StreamCompleteResponse> events) {
    return new Answer(events, events.size(), new Ending.Whole(), Duration.ZERO);
  }

  /**
   * Adds a part of text.
   *
   * @param pieces the text, an event for each piece
   * @return a new answer
   */
  public Answer thenText(String... pieces) {
    Answer more = this;
    for (String piece : pieces) {
      more = more.add(event().setTextDelta(TextDelta.newBuilder().setPartIndex(parts).setText(piece)), parts + 1);
    }
    return more;
  }

  /**
   * Adds a part of reasoning.
   *
   * @param pieces the text, an event for each piece
   * @return a new answer
   */
  public Answer reasoning(String... pieces) {
    Answer more = this;
    for (String piece : pieces) {
      more =
          more.add(
              event().setReasoningDelta(ReasoningDelta.newBuilder().setPartIndex(parts).setText(piece)), parts + 1);
    }
    return more;
  }

  /**
   * Adds a tool call. The answer then ends with {@code FINISH_REASON_TOOL_CALLS}, unless {@link #finish} is called
   * after.
   *
   * @param id the id of the call
   * @param name the name of the tool
   * @param arguments the arguments, JSON in pieces, an event for each piece
   * @return a new answer
   */
  public Answer toolCall(String id, String name, String... arguments) {
    Answer more =
        add(
            event()
                .setToolCallStarted(ToolCallStarted.newBuilder().setPartIndex(parts).setId(id).setName(name)),
            parts + 1);
    for (String piece : arguments) {
      more =
          more.add(
              event()
                  .setToolCallArgumentsDelta(
                      ToolCallArgumentsDelta.newBuilder().setPartIndex(parts).setArguments(piece)),
              parts + 1);
    }
    return more.add(event().setToolCallEnded(ToolCallEnded.newBuilder().setPartIndex(parts)), parts + 1)
        .finish(FinishReason.FINISH_REASON_TOOL_CALLS);
  }

  /**
   * Adds any event, before {@code Completed}.
   *
   * @param event the event; its number is set here
   * @return a new answer
   * @throws IllegalArgumentException when it cannot follow what there is, such as a second {@code Started}
   */
  public Answer event(StreamCompleteResponse event) {
    Answer more = add(event.toBuilder(), parts + 1);
    Recording.check(more.events, "events");
    return more;
  }

  /**
   * Sets why the model stopped.
   *
   * @param reason the reason
   * @return a new answer
   */
  public Answer finish(FinishReason reason) {
    return completed(completed -> completed.setFinishReason(reason));
  }

  /**
   * Sets the usage.
   *
   * @param inputTokens the tokens in
   * @param outputTokens the tokens out
   * @return a new answer
   */
  public Answer usage(long inputTokens, long outputTokens) {
    Usage usage =
        Usage.newBuilder()
            .setInputTokens(inputTokens)
            .setInputUncachedTokens(inputTokens)
            .setOutputTokens(outputTokens)
            .setOutputVisibleTokens(outputTokens)
            .setFinal(true)
            .build();
    return completed(completed -> completed.setUsage(usage));
  }

  /**
   * Sets what it costs.
   *
   * @param picos the cost in 10^-12 US dollars
   * @return a new answer
   */
  public Answer cost(long picos) {
    return completed(completed -> completed.setCostPicos(picos).setChargedPicos(picos));
  }

  /**
   * Sets who answers.
   *
   * @param provider the provider
   * @param model the provider's name of the model
   * @return a new answer
   */
  public Answer from(String provider, String model) {
    requireEvents();
    List<StreamCompleteResponse> more = new ArrayList<>(events);
    StreamCompleteResponse.Builder first = more.get(0).toBuilder();
    first.getStartedBuilder().setProvider(provider).setModel(model);
    more.set(0, first.build());
    return with(more);
  }

  /**
   * Sets a pause before each event. A call in one piece waits as long as the stream would take.
   *
   * @param pause the pause, 0 or more
   * @return a new answer
   */
  public Answer every(Duration pause) {
    if (pause.isNegative()) {
      throw new IllegalArgumentException("the pause must be 0 or more, not " + pause);
    }
    return new Answer(events, parts, ending, pause);
  }

  /**
   * Ends the answer after its content with a failure of the gateway, such as {@code ERROR_REASON_STREAM_CUT}.
   *
   * @param fault the failure
   * @return a new answer
   */
  public Answer thenFault(Fault fault) {
    return endingWith(new Ending.Failed(Objects.requireNonNull(fault, "fault")), events.size() - 1);
  }

  /**
   * Ends the answer after its content as the loss of the connection does: UNAVAILABLE without any details.
   *
   * @return a new answer
   */
  public Answer cut() {
    return cutAfter(events.size() - 1);
  }

  /**
   * Ends the answer after some events as the loss of the connection does.
   *
   * @param count how many events come, {@code Started} counted, fewer than there are
   * @return a new answer
   */
  public Answer cutAfter(int count) {
    return endingWith(new Ending.Cut(), count);
  }

  /**
   * Ends the answer after its content with status OK but without {@code Completed}, as a proxy does that closes streams
   * by itself.
   *
   * @return a new answer
   */
  public Answer withoutCompleted() {
    return endingWith(new Ending.Short(), events.size() - 1);
  }

  /**
   * Lets nothing follow the content until the caller leaves or the deadline passes.
   *
   * @return a new answer
   */
  public Answer thenSilence() {
    return endingWith(new Ending.Silent(), events.size() - 1);
  }

  List<StreamCompleteResponse> events() {
    return events;
  }

  Ending ending() {
    return ending;
  }

  Duration pause() {
    return pause;
  }

  private static StreamCompleteResponse.Builder event() {
    return StreamCompleteResponse.newBuilder();
  }

  private Answer add(StreamCompleteResponse.Builder event, int parts) {
    requireEvents();
    int last = events.size() - 1;
    List<StreamCompleteResponse> more = new ArrayList<>(events.subList(0, last));
    more.add(event.setSequence(last + 1L).build());
    more.add(events.get(last).toBuilder().setSequence(last + 2L).build());
    return new Answer(List.copyOf(more), parts, ending, pause);
  }

  private Answer completed(UnaryOperator<Completed.Builder> change) {
    requireEvents();
    int last = events.size() - 1;
    List<StreamCompleteResponse> more = new ArrayList<>(events);
    StreamCompleteResponse.Builder completed = more.get(last).toBuilder();
    change.apply(completed.getCompletedBuilder());
    more.set(last, completed.build());
    return with(more);
  }

  private Answer endingWith(Ending other, int count) {
    requireEvents();
    if (count < 0 || count >= events.size()) {
      throw new IllegalArgumentException("of " + events.size() + " events not " + count + " can come");
    }
    return new Answer(events.subList(0, count), parts, other, pause);
  }

  private Answer with(List<StreamCompleteResponse> more) {
    return new Answer(List.copyOf(more), parts, ending, pause);
  }

  private void requireEvents() {
    if (!(ending instanceof Ending.Whole)) {
      throw new IllegalStateException("the answer has its ending already: set content, finish and usage before");
    }
  }
}
