import java.lang.reflect.InvocationTargetException;

/**
 * Runs several cases of one of gRPC's interoperability clients in one JVM.
 *
 * <p>Arguments: the class of the client, whether it speaks TLS ("True" or "False"; only TestServiceClient can), then
 * its cases as NAME=PORT. Prints a line
 * for each case: its name, a tab, and "ok" or what failed.
 */
final class Cases {
  private Cases() {}

  public static void main(String[] arguments) throws Exception {
    var client = Class.forName(arguments[0]).getMethod("main", String[].class);
    var tls = Boolean.parseBoolean(arguments[1]);
    for (int at = 2; at < arguments.length; at++) {
      String[] one = arguments[at].split("=");
      String[] given = {"--server_host=127.0.0.1", "--server_port=" + one[1], "--test_case=" + one[0]};
      String told = "ok";
      try {
        client.invoke(null, (Object) (arguments[0].endsWith("TestServiceClient") ? secured(given, tls) : given));
      } catch (InvocationTargetException failed) {
        told = String.valueOf(failed.getCause()).replaceAll("\\s+", " ");
      }
      System.out.println("case\t" + one[0] + "\t" + told);
    }
    // Threads of a client that failed may linger.
    System.exit(0);
  }

  private static String[] secured(String[] given, boolean tls) {
    return new String[] {given[0], given[1], given[2], "--use_tls=" + tls};
  }
}
