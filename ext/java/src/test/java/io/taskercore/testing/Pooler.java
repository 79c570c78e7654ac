package io.taskercore.testing;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * What PgBouncer is to its clients: some sessions of the server, each lent out to whoever has something to say, for one transaction or
 * until it goes, and wiped before the next one gets it. So whatever a client leaves on a session is gone.
 */
public final class Pooler implements AutoCloseable {

  private static final int SSL_REQUEST = 80877103;
  private static final int GSS_REQUEST = 80877104;
  private static final int PROTOCOL_3 = 196608;

  private final TestDatabase database;
  private final LocalPort port = new LocalPort();
  private final BlockingQueue<Session> free = new LinkedBlockingQueue<>();
  private final Set<String> leftovers = ConcurrentHashMap.newKeySet();

  /** What the server says of itself at the start of a session, which each client is told too. */
  private final byte[] greeting;

  private volatile boolean lendsForTransactions;

  private Pooler(TestDatabase database, int sessions, boolean lendsForTransactions) {
    this.database = database;
    this.lendsForTransactions = lendsForTransactions;
    try {
      Session first = new Session();
      this.greeting = first.open();
      free.add(first);
      for (int i = 1; i < sessions; i++) {
        free.add(new Session());
      }
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    SocketThread.start("pooler", this::accept);
  }

  /** @param sessions how many of the server's there are; several, or no transaction would ever change its session */
  public static Pooler lendingForTransactions(TestDatabase database, int sessions) {
    return new Pooler(database, sessions, true);
  }

  /** @param sessions how many of the server's there are, and so how many clients at once */
  public static Pooler lendingForSessions(TestDatabase database, int sessions) {
    return new Pooler(database, sessions, false);
  }

  /** From the next transaction of each client on: whether it gets a session for that one only. */
  public void lendForTransactions(boolean forTransactions) {
    lendsForTransactions = forTransactions;
  }

  /** Settings that clients have left on sessions which others get next; may be cleared. */
  public Set<String> leftovers() {
    return leftovers;
  }

  public int port() {
    return port.number();
  }

  /** One message of the protocol. */
  private record Message(char type, byte[] body) {

    static Message read(DataInputStream in) throws IOException {
      char type = (char) in.readUnsignedByte();
      byte[] body = new byte[in.readInt() - 4];
      in.readFully(body);
      return new Message(type, body);
    }

    void write(DataOutputStream out) throws IOException {
      out.writeByte(type);
      out.writeInt(body.length + 4);
      out.write(body);
    }
  }

  /** A session of the server, which is made anew where the server has ended it. */
  private final class Session {

    private Socket socket;
    private DataInputStream in;
    private DataOutputStream out;

    /** What the server says at its start. */
    byte[] open() throws IOException {
      socket = port.keep(new Socket(database.host(), database.port()));
      socket.setTcpNoDelay(true);
      in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
      out = new DataOutputStream(socket.getOutputStream());
      ByteArrayOutputStream startup = new ByteArrayOutputStream();
      for (String text : new String[] {
          "user", database.user(), "database", database.name(), "client_encoding", "UTF8", "DateStyle", "ISO", "TimeZone", "UTC"}) {
        startup.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        startup.write(0);
      }
      startup.write(0);
      out.writeInt(startup.size() + 8);
      out.writeInt(PROTOCOL_3);
      startup.writeTo(out);
      ByteArrayOutputStream said = new ByteArrayOutputStream();
      if (passOn(new DataOutputStream(said)) != 'I') {
        throw new IOException("the server did not let the pooler in without a password");
      }
      return said.toByteArray();
    }

    void ensureOpen() throws IOException {
      if (!isOpen()) {
        end();
        open();
      }
    }

    private boolean isOpen() {
      if (socket == null) {
        return false;
      }
      try {
        query("");
        return true;
      } catch (IOException ended) {
        return false;
      }
    }

    void end() throws IOException {
      if (socket != null) {
        port.forget(socket);
        socket.close();
        socket = null;
      }
    }

    private String query(String sql) throws IOException {
      new Message('Q', (sql + '\0').getBytes(StandardCharsets.US_ASCII)).write(out);
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      passOn(new DataOutputStream(answer));
      return answer.toString(StandardCharsets.ISO_8859_1);
    }

    /** Passes on what the server says until it is ready for more; returns whether it is idle, in a transaction or in a failed one. */
    char passOn(DataOutputStream client) throws IOException {
      while (true) {
        Message message = Message.read(in);
        // It is the pooler that clients cancel at, so it names itself instead of the server's process.
        (message.type() == 'K' ? new Message('K', new byte[8]) : message).write(client);
        if (message.type() == 'Z') {
          return (char) message.body()[0];
        }
        if (message.type() == 'R' && message.body()[3] != 0) {
          return 'R';
        }
      }
    }

    void wipe() throws IOException {
      if (query("SHOW enable_seqscan").contains("off")) {
        leftovers.add("enable_seqscan");
      }
      query("DISCARD ALL");
    }
  }

  private void accept() throws IOException {
    while (true) {
      Socket client = port.accept();
      client.setTcpNoDelay(true);
      SocketThread.start("pooler's client", () -> serve(client));
    }
  }

  private void serve(Socket socket) throws IOException {
    Session session = null;
    boolean idle = true;
    try (socket) {
      DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      if (!welcome(in, out)) {
        return;
      }
      ByteArrayOutputStream asked = new ByteArrayOutputStream();
      for (Message message = Message.read(in); message.type() != 'X'; message = Message.read(in)) {
        message.write(new DataOutputStream(asked));
        if (message.type() != 'S' && message.type() != 'Q') {
          continue;
        }
        if (session == null) {
          session = free.take();
          session.ensureOpen();
        }
        idle = false;
        asked.writeTo(session.out);
        asked.reset();
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        idle = session.passOn(new DataOutputStream(answer)) == 'I';
        if (idle && lendsForTransactions) {
          session.wipe();
          free.add(session);
          session = null;
        }
        answer.writeTo(out);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } finally {
      port.forget(socket);
      if (session != null) {
        giveBack(session, idle);
      }
    }
  }

  /** One whose client has gone. What is under way there is not waited for, and ends with the session. */
  private void giveBack(Session session, boolean idle) throws IOException {
    try {
      if (idle && session.isOpen()) {
        session.wipe();
      } else {
        session.end();
      }
    } finally {
      free.add(session);
    }
  }

  /** Lets a client in, whoever it says it is. */
  private boolean welcome(DataInputStream in, DataOutputStream out) throws IOException {
    while (true) {
      byte[] rest = new byte[in.readInt() - 8];
      int code = in.readInt();
      in.readFully(rest);
      if (code == SSL_REQUEST || code == GSS_REQUEST) {
        out.writeByte('N');
      } else {
        out.write(code == PROTOCOL_3 ? greeting : new byte[0]);
        return code == PROTOCOL_3;
      }
    }
  }

  @Override
  public void close() {
    port.close();
  }
}
