package io.taskercore.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A wire to the database that breaks at the worst moment: when the server has done what it was told, and before its answer
 * arrives.
 */
public final class CutWire implements AutoCloseable {

  private final TestDatabase database;
  private final LocalPort port = new LocalPort();
  private final AtomicReference<String> statement = new AtomicReference<>();
  private final AtomicInteger cuts = new AtomicInteger();

  public CutWire(TestDatabase database) {
    this.database = database;
    SocketThread.start("cut wire", this::accept);
  }

  public int port() {
    return port.number();
  }

  /** The answer to the next statement that contains this text is lost, and its connection with it. */
  public void cutAfter(String part) {
    statement.set(part);
  }

  public int cuts() {
    return cuts.get();
  }

  private void accept() throws IOException {
    while (true) {
      Socket client = port.accept();
      Socket server = port.keep(new Socket(database.host(), database.port()));
      AtomicReference<Boolean> lost = new AtomicReference<>(false);
      SocketThread.start("client to server", () -> pump(client, server, sent -> {
        String part = statement.get();
        if (part != null && sent.contains(part) && statement.compareAndSet(part, null)) {
          lost.set(true);
        }
        return true;
      }));
      SocketThread.start("server to client", () -> pump(server, client, answer -> {
        if (lost.get()) {
          cuts.incrementAndGet();
        }
        return !lost.get();
      }));
    }
  }

  private interface Watch {
    boolean passes(String bytes);
  }

  private void pump(Socket from, Socket to, Watch watch) throws IOException {
    try (from; to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        if (!watch.passes(new String(buffer, 0, read, StandardCharsets.ISO_8859_1))) {
          return;
        }
        out.write(buffer, 0, read);
      }
    }
  }

  @Override
  public void close() {
    port.close();
  }
}
