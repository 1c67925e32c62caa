package io.hedgerow.client;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Message;
import org.junit.jupiter.api.Test;

class LinkageTest {
  /** Or the run with the newest version would prove nothing. */
  @Test
  void theTestsRunWithTheProtobufThatTheBuildNames() {
    String jar = Message.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    String version = System.getProperty("expected.protobuf.version");
    assertTrue(jar.endsWith("/protobuf-java-" + version + ".jar"), jar + " is not version " + version);
  }
}
