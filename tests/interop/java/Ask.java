import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.hedgerow.chat.v1.ChatSpec;
import io.hedgerow.chat.v1.CompleteRequest;
import io.hedgerow.chat.v1.Message;
import io.hedgerow.chat.v1.Part;
import io.hedgerow.chat.v1.Role;
import io.hedgerow.chat.v1.StreamCompleteRequest;
import io.hedgerow.chat.v1.StreamCompleteResponse;
import io.hedgerow.client.ChatStream;
import io.hedgerow.client.HedgerowChannels;
import io.hedgerow.client.HedgerowClient;
import java.time.Duration;
import java.util.ArrayList;

/** Makes calls with the Java client of Hedgerow and tells how each of them ended; see the Go program of this name. */
final class Ask {
  private static final ChatSpec CHAT = ChatSpec.newBuilder()
      .setModel("fast")
      .addMessages(Message.newBuilder()
          .setRole(Role.ROLE_USER)
          .addContent(Part.newBuilder().setText("0".repeat(271828))))
      .build();

  private Ask() {}

  public static void main(String[] scenarios) throws Exception {
    for (String scenario : scenarios) {
      run(scenario.split(","));
    }
  }

  private static void run(String[] scenario) throws Exception {
    ManagedChannel channel = HedgerowChannels.to(scenario[1]).plaintext().open();
    try {
      HedgerowClient client = HedgerowClient.on(channel).withDeadline(Duration.ofSeconds(20));
      for (String round : scenario[3].split("\\+")) {
        var threads = new ArrayList<Thread>();
        for (int left = Integer.parseInt(round); left > 0; left--) {
          threads.add(new Thread(() -> tell(scenario[0], client, scenario[2])));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
          thread.join();
        }
      }
    } finally {
      channel.shutdownNow();
    }
  }

  private static void tell(String name, HedgerowClient client, String shape) {
    int[] size = {0};
    Status.Code code = Status.Code.OK;
    try {
      if (shape.equals("stream")) {
        stream(client, size);
      } else {
        size[0] = client.complete(CompleteRequest.newBuilder().setChat(CHAT).build()).getMessage().getContent(0)
            .getText().length();
      }
    } catch (RuntimeException failed) {
      code = Status.fromThrowable(failed).getCode();
    }
    System.out.println(name + "\t" + code + "\t" + size[0]);
  }

  private static void stream(HedgerowClient client, int[] size) {
    try (ChatStream events = client.stream(StreamCompleteRequest.newBuilder().setChat(CHAT).build())) {
      for (StreamCompleteResponse event : events) {
        size[0] += event.getTextDelta().getText().length();
      }
    }
  }
}
