package io.taskercore.fault;

import io.taskercore.testing.SocketThread;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A TCP wire to a server that can be cut, stall without a word in one direction or both, and heal. */
final class Wire implements AutoCloseable {

  private enum Direction {
    TO_SERVER,
    TO_CLIENT
  }

  private final String host;
  private final int port;
  private final ServerSocket listener;
  private final Set<Link> links = ConcurrentHashMap.newKeySet();
  private final Set<Direction> stalled = ConcurrentHashMap.newKeySet();
  private volatile boolean refusing;
  private volatile String trigger;

  Wire(String host, int port) {
    this.host = host;
    this.port = port;
    try {
      this.listener = new ServerSocket(0, 200, InetAddress.getByName("127.0.0.1"));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    SocketThread.start("wire", this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /** Breaks all connections; new ones are made as before. */
  void cut() {
    links.forEach(Link::close);
  }

  /** Breaks all connections, and lets none come about until {@link #heal}. */
  void cutForNow() {
    refusing = true;
    cut();
  }

  /** Stops reading on both sides, of these connections and of new ones; nobody is told. */
  void stall() {
    stalled.addAll(Set.of(Direction.values()));
  }

  /** What the client sends does not arrive. */
  void stallRequests() {
    stalled.add(Direction.TO_SERVER);
  }

  /** The server gets the next request with this text in it and does what it says; from then on no answer arrives. */
  void stallAnswersTo(String part) {
    trigger = part;
  }

  /** Whether that request has come by. */
  boolean hasStalledAnswers() {
    return trigger == null && stalled.contains(Direction.TO_CLIENT);
  }

  /** The connections that there are stay silent for good, as when a router has forgotten them; new ones work. */
  void forsake() {
    links.forEach(link -> link.forsaken = true);
  }

  /** Everything flows again, but for what was forsaken; bytes that were held back arrive now. */
  void heal() {
    refusing = false;
    synchronized (this) {
      stalled.clear();
      notifyAll();
    }
  }

  private void accept() throws IOException {
    while (true) {
      Socket client = listener.accept();
      if (refusing) {
        client.close();
        continue;
      }
      try {
        Link link = new Link(client, new Socket(host, port));
        links.add(link);
        SocketThread.start("client to server", () -> link.pump(link.client, link.server, Direction.TO_SERVER));
        SocketThread.start("server to client", () -> link.pump(link.server, link.client, Direction.TO_CLIENT));
      } catch (IOException serverIsAway) {
        client.close();
      }
    }
  }

  private synchronized void awaitFlow(Link link, Direction direction) throws IOException {
    try {
      while (link.forsaken || stalled.contains(direction)) {
        wait(200);
        if (link.closed) {
          throw new IOException("closed");
        }
      }
    } catch (InterruptedException interrupted) {
      throw new IOException(interrupted);
    }
  }

  private final class Link {
    private final Socket client;
    private final Socket server;
    private volatile boolean forsaken;
    private volatile boolean closed;

    Link(Socket client, Socket server) {
      this.client = client;
      this.server = server;
    }

    void pump(Socket from, Socket to, Direction direction) throws IOException {
      try {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        byte[] buffer = new byte[1 << 16];
        while (true) {
          awaitFlow(this, direction);
          int read = in.read(buffer);
          // What came just as the wire stalled is held back too.
          awaitFlow(this, direction);
          if (read < 0) {
            return;
          }
          String part = trigger;
          if (part != null && direction == Direction.TO_SERVER && text(buffer, read).contains(part)) {
            trigger = null;
            stalled.add(Direction.TO_CLIENT);
          }
          out.write(buffer, 0, read);
        }
      } finally {
        close();
      }
    }

    void close() {
      closed = true;
      links.remove(this);
      try (client; server) {
        // Both, whatever becomes of the first.
      } catch (IOException failure) {
        throw new UncheckedIOException(failure);
      }
    }
  }

  private static String text(byte[] buffer, int length) {
    return new String(buffer, 0, length, StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    cut();
  }
}
