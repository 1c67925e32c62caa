package io.hedgerow.testing;

import com.google.protobuf.Message;
import io.grpc.Metadata;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.common.v1.CallReport;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A call as it came in. Safe for use by many threads. */
public final class RecordedCall {
  private final String method;
  private final Metadata headers;
  private final String requestId;
  private final List<Message> requests = new CopyOnWriteArrayList<>();
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean cancelled;
  private volatile CallReport report = CallReport.getDefaultInstance();

  RecordedCall(String method, Metadata headers, String requestId) {
    this.method = method;
    this.headers = headers;
    this.requestId = requestId;
  }

  /**
   * Gives the name of the method.
   *
   * @return the name, such as {@code hedgerow.chat.v1.ChatService/Complete}
   */
  public String getMethod() {
    return method;
  }

  /**
   * Gives the headers of the call.
   *
   * @return the metadata, a bearer token in it included
   */
  public Metadata getHeaders() {
    return headers;
  }

  /**
   * Gives a header.
   *
   * @param name the name, in lower case, of a header that is text
   * @return its value, or null where the call has none
   */
  public String getHeader(String name) {
    return headers.get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
  }

  /**
   * Gives the messages that came so far: one, and for {@code StreamEmbed} any number.
   *
   * @return the messages, oldest first
   */
  public List<Message> getRequests() {
    return List.copyOf(requests);
  }

  /**
   * Gives the one message of the call.
   *
   * @param type the class of the message
   * @param <T> the class of the message
   * @return the message
   * @throws IllegalStateException when there is not one message, or when it is of another class
   */
  public <T extends Message> T getRequest(Class<T> type) {
    List<Message> came = getRequests();
    if (came.size() != 1 || !type.isInstance(came.get(0))) {
      throw new IllegalStateException(method + " got " + came.size() + " messages, not one " + type.getSimpleName());
    }
    return type.cast(came.get(0));
  }

  /**
   * Gives the conversation of a chat call, streamed or not.
   *
   * @return the conversation
   * @throws IllegalStateException when it is no chat call
   */
  public ChatSpec getChat() {
    return method.endsWith("/StreamComplete")
        ? getRequest(StreamCompleteRequest.class).getChat()
        : getRequest(CompleteRequest.class).getChat();
  }

  /**
   * Tells whether the caller left before the end, or its deadline passed.
   *
   * @return whether the call was cancelled
   */
  public boolean isCancelled() {
    return cancelled;
  }

  /**
   * Waits for the end of the call.
   *
   * @param patience how long to wait at most
   * @return whether the call has ended
   * @throws InterruptedException when the thread is interrupted
   */
  public boolean awaitEnd(Duration patience) throws InterruptedException {
    return ended.await(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  String requestId() {
    return requestId;
  }

  void add(Message request) {
    requests.add(request);
  }

  void end(boolean cancelled) {
    this.cancelled |= cancelled;
    ended.countDown();
  }

  void report(CallReport report) {
    this.report = report;
  }

  CallReport report() {
    return report.toBuilder().setRequestId(requestId).build();
  }
}
