import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.client.HedgerowChannels;
import io.hedgerow.client.HedgerowClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** Makes unary calls with the Java client of Hedgerow until its standard input ends; see the Go program of this name. */
final class Load {
  private static final long PAUSE_MS = 50;
  private static final long BEFORE_NEXT_MS = 1000;
  private static final Metadata.Key<String> TRACE = key("traceparent");
  private static final Metadata.Key<String> REQUEST = key("x-request-id");

  private final List<ManagedChannel> targets = new ArrayList<>();
  private final List<Duration> patience;
  private final CountDownLatch stopped = new CountDownLatch(1);

  private Load(String targets, List<Duration> patience) {
    String[] all = targets.split(",");
    for (String target : all) {
      HedgerowChannels channels = HedgerowChannels.to(target).plaintext();
      this.targets.add((all.length == 1 ? channels.withoutHealthCheck() : channels).builder().disableRetry().build());
    }
    this.patience = patience;
  }

  public static void main(String[] given) throws Exception {
    Load load = new Load(given[0], List.of(seconds(given[3]), seconds(given[4])));
    String[] models = given[1].split(",");
    List<Thread> workers = new ArrayList<>();
    for (int worker = 0; worker < Integer.parseInt(given[2]); worker++) {
      int number = worker;
      workers.add(new Thread(() -> load.work(number, models[number % models.length])));
    }
    workers.forEach(Thread::start);
    try {
      while (System.in.read() >= 0) {}
    } catch (IOException ended) {
      // It has, then.
    }
    load.stopped.countDown();
    for (Thread worker : workers) {
      worker.join();
    }
    load.targets.forEach(ManagedChannel::shutdownNow);
  }

  private void work(int worker, String model) {
    try {
      for (int turn = worker; !stopped.await(PAUSE_MS, TimeUnit.MILLISECONDS); turn++) {
        call(worker + "-" + turn, model, turn);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void call(String name, String model, int turn) throws InterruptedException {
    CompleteRequest request =
        CompleteRequest.newBuilder().setIdempotencyKey(random(16)).setChat(chat(model)).build();
    List<String> told = new ArrayList<>();
    for (int number = 0; number < patience.size(); number++) {
      if (number > 0) {
        Thread.sleep(BEFORE_NEXT_MS);
      }
      int target = (turn + number) % targets.size();
      String trace = "00-" + random(16) + "-" + random(8) + "-01";
      System.out.printf("try\t%s\t%s%n", name, trace);
      try {
        attempt(targets.get(target), request, trace, patience.get(number));
      } catch (RuntimeException e) {
        told.add(target + ": " + e);
        continue;
      }
      System.out.printf("ok\t%s\t%d\t%d%n", name, number + 1, target);
      return;
    }
    System.out.printf("failed\t%s\t%s%n", name, String.join(" | ", told).replaceAll("\\s+", " "));
  }

  private static void attempt(ManagedChannel channel, CompleteRequest request, String trace, Duration within) {
    Metadata headers = new Metadata();
    headers.put(TRACE, trace);
    headers.put(REQUEST, trace);
    channel.resetConnectBackoff();
    HedgerowClient.on(ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers)))
        .withDeadline(within)
        .complete(request);
  }

  private static ChatSpec chat(String model) {
    return ChatSpec.newBuilder()
        .setModel(model)
        .addMessages(
            Message.newBuilder().setRole(Role.ROLE_USER).addContent(Part.newBuilder().setText("hi")))
        .build();
  }

  private static Duration seconds(String text) {
    return Duration.ofSeconds(Long.parseLong(text));
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static String random(int bytes) {
    byte[] made = new byte[bytes];
    ThreadLocalRandom.current().nextBytes(made);
    return HexFormat.of().formatHex(made);
  }
}
