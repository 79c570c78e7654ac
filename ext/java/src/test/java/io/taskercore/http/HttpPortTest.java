package io.taskercore.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients of all kinds at one port; the bounds on time are only there to end a test that fails. */
class HttpPortTest {

  private static final int TIMEOUT_MS = 30_000;

  /** Nobody is let go for want of time while a test runs. */
  private static final Limits PATIENT = new Limits(8, 4_096, 600_000, 600_000);

  private static final Limits BRIEF = new Limits(8, 4_096, 200, 100);

  private static final int LARGE = 50_000_000;

  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable one : opened) {
      one.close();
    }
  }

  private static Answer answer(String path) {
    return switch (path) {
      case "/live" -> new Answer(200, "text/plain", "alive\n");
      case "/large" -> new Answer(200, "text/plain", "x".repeat(LARGE));
      case "/broken" -> throw new IllegalStateException("not today");
      default -> new Answer(404, "text/plain", "nothing at " + path + "\n");
    };
  }

  private HttpPort open(Limits limits) throws IOException {
    HttpPort port = HttpPort.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), HttpPortTest::answer, limits);
    opened.add(port);
    return port;
  }

  private Socket connect(HttpPort port) throws IOException {
    Socket client = new Socket();
    opened.add(client);
    client.setReceiveBufferSize(4_096);
    client.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port.number()), TIMEOUT_MS);
    client.setSoTimeout(TIMEOUT_MS);
    return client;
  }

  private Socket send(HttpPort port, String text) throws IOException {
    Socket client = connect(port);
    client.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    return client;
  }

  private static String receive(Socket client) throws IOException {
    return new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  private String ask(HttpPort port, String text) throws IOException {
    return receive(send(port, text));
  }

  private String probe(HttpPort port) throws IOException {
    return ask(port, "GET /live HTTP/1.1\r\nHost: here\r\n\r\n");
  }

  /** @return whether the connection was ended by the other side, in whichever way */
  private static boolean isEnded(Socket client) throws IOException {
    try {
      client.getInputStream().readAllBytes();
      return true;
    } catch (SocketException reset) {
      return true;
    }
  }

  @Test
  void getHasAnAnswerAndTheConnectionIsClosed() throws Exception {
    String answer = probe(open(PATIENT));

    assertThat(answer)
        .matches("(?s)HTTP/1.1 200 OK\r\nDate: \\w{3}, \\d\\d \\w{3} \\d{4} [\\d:]{8} GMT\r\n.*\r\n\r\nalive\n")
        .contains("\r\nContent-Type: text/plain\r\n", "\r\nContent-Length: 6\r\n", "\r\nConnection: close\r\n");
  }

  @Test
  void headHasTheSameWithoutABody() throws Exception {
    assertThat(ask(open(PATIENT), "HEAD /live HTTP/1.1\r\nHost: here\r\n\r\n"))
        .startsWith("HTTP/1.1 200 OK\r\n")
        .contains("\r\nContent-Length: 6\r\n")
        .endsWith("\r\n\r\n");
  }

  @ParameterizedTest
  @CsvSource({
    "GET /live?verbose HTTP/1.1, 200", "GET http://here:80/live HTTP/1.1, 200", "GET /live HTTP/1.0, 200", "GET /lives HTTP/1.1, 404",
    "GET / HTTP/1.1, 404", "DELETE /live HTTP/1.1, 405", "POST /nowhere HTTP/1.1, 405", "GET /live, 400", "GET  /live HTTP/1.1, 400",
    "GET /live HTTP/2.0, 400", "hello, 400", "'', 400", "GET /broken HTTP/1.1, 500"
  })
  void theFirstLineDecides(String line, int status) throws Exception {
    assertThat(ask(open(PATIENT), line + "\r\nHost: here\r\n\r\n")).startsWith("HTTP/1.1 " + status + " ");
  }

  @Test
  void otherMethodsAreToldWhichThereAreAlthoughTheirBodyIsNotRead() throws Exception {
    String body = "x".repeat(100_000);

    assertThat(ask(open(PATIENT), "POST /live HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + body))
        .startsWith("HTTP/1.1 405 Method Not Allowed\r\n")
        .contains("\r\nAllow: GET, HEAD\r\n");
  }

  @Test
  void aRequestMayComeInPieces() throws Exception {
    HttpPort port = open(PATIENT);
    Socket client = connect(port);
    client.setTcpNoDelay(true);
    OutputStream out = client.getOutputStream();
    for (char one : "GET /live HTTP/1.1\r\nHost: here\r\n\r\n".toCharArray()) {
      out.write(one);
    }

    assertThat(receive(client)).startsWith("HTTP/1.1 200 OK\r\n");
  }

  @Test
  void aLargeAnswerGoesAsFastAsItIsTaken() throws Exception {
    assertThat(ask(open(PATIENT), "GET /large HTTP/1.1\r\n\r\n")).hasSizeGreaterThan(LARGE).endsWith("xxx");
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET /live HTTP/1.1\r\nX-Long: ", "GET /", ""})
  void whatIsTooLongIsRefused(String start) throws Exception {
    assertThat(ask(open(PATIENT), start + "x".repeat(5_000))).startsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "GET /li", "GET /live HTTP/1.1\r\n", "GET /live HTTP/1.1\r\nHost: here\r\nX-", "GET /large HTTP/1.1\r\n\r\n"})
  void clientsThatStallHaveTheirTimeAndNoMore(String part) throws Exception {
    assertThat(isEnded(send(open(BRIEF), part))).isTrue();
  }

  @Test
  void oneThatGoesOnSendingHasTheSameTime() throws Exception {
    Socket client = connect(open(new Limits(8, 1 << 20, 200, 100)));
    client.setTcpNoDelay(true);
    OutputStream out = client.getOutputStream();

    assertThatThrownBy(() -> {
      long end = System.nanoTime() + TIMEOUT_MS * 1_000_000L;
      while (System.nanoTime() < end) {
        out.write('x');
        Thread.onSpinWait();
      }
    }).isInstanceOf(SocketException.class);
  }

  @Test
  void oneThatDoesNotCloseIsClosed() throws Exception {
    Socket client = send(open(new Limits(8, 4_096, 600_000, 100)), "GET /live HTTP/1.1\r\n\r\n");
    receive(client);

    assertThatThrownBy(() -> {
      byte[] rest = new byte[4_096];
      long end = System.nanoTime() + TIMEOUT_MS * 1_000_000L;
      while (System.nanoTime() < end) {
        client.getOutputStream().write(rest);
      }
    }).isInstanceOf(SocketException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "GET /live HTTP/1.1\r\nX-", "GET /large HTTP/1.1\r\n\r\n"})
  void aProbeIsAnsweredHoweverManyStallAndTheOldestOfThoseMakesRoom(String part) throws Exception {
    HttpPort port = open(PATIENT);
    List<Socket> stalled = new ArrayList<>();
    for (int i = 0; i < 3 * PATIENT.clients(); i++) {
      stalled.add(send(port, part));
    }

    assertThat(probe(port)).startsWith("HTTP/1.1 200 OK\r\n");
    assertThat(isEnded(stalled.get(0))).isTrue();
  }

  @Test
  void anAnswerThatFailsIsFollowedByOthers() throws Exception {
    HttpPort port = open(PATIENT);

    assertThat(ask(port, "GET /broken HTTP/1.1\r\n\r\n")).contains("there is no answer").doesNotContain("not today");
    assertThat(probe(port)).startsWith("HTTP/1.1 200 OK\r\n");
  }

  @Test
  void clientsThatGoAwayHarmNobody() throws Exception {
    HttpPort port = open(PATIENT);
    for (String part : Arrays.asList("", "GET /", "GET /large HTTP/1.1\r\n\r\n")) {
      Socket client = send(port, part);
      client.setSoLinger(true, 0);
      client.close();
    }

    assertThat(probe(port)).startsWith("HTTP/1.1 200 OK\r\n");
  }

  @Test
  void anAddressThatCannotBeHadIsTold() throws Exception {
    HttpPort taken = open(PATIENT);
    InetSocketAddress same = new InetSocketAddress(InetAddress.getLoopbackAddress(), taken.number());

    assertThatThrownBy(() -> HttpPort.open(same, HttpPortTest::answer)).isInstanceOf(BindException.class);
    assertThatThrownBy(() -> HttpPort.open(InetSocketAddress.createUnresolved("nowhere.invalid", 0), HttpPortTest::answer))
        .isInstanceOf(UnknownHostException.class)
        .hasMessageContaining("nowhere.invalid");
  }

  @Test
  void aClosedPortCanBeOpenedAgain() throws Exception {
    HttpPort port = open(PATIENT);
    Socket stalled = send(port, "GET /");
    port.close();

    assertThat(isEnded(stalled)).isTrue();
    InetSocketAddress same = new InetSocketAddress(InetAddress.getLoopbackAddress(), port.number());
    HttpPort next = HttpPort.open(same, HttpPortTest::answer);
    opened.add(next);
    assertThat(probe(next)).startsWith("HTTP/1.1 200 OK\r\n");
  }
}
