package io.taskercore.bench;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.SocketFactory;

/**
 * What the driver connects through when a benchmark wants to know how long SQL takes: from the first byte of a request until the
 * last byte of its answer, by the thread that sent it. Named in the database's URL ({@code socketFactory=...}).
 */
public final class TimedSockets extends SocketFactory {

  private static final Map<Thread, List<Long>> EXCHANGES = new ConcurrentHashMap<>();

  /** The nanoseconds of each exchange with the server since the last call, in their order, a list for each thread. */
  public static List<List<Long>> drain() {
    List<List<Long>> drained = new ArrayList<>(EXCHANGES.values());
    EXCHANGES.clear();
    return drained;
  }

  @Override
  public Socket createSocket() {
    return new TimedSocket();
  }

  @Override
  public Socket createSocket(String host, int port) throws IOException {
    throw new UnsupportedOperationException("the driver connects by itself");
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress localHost, int localPort) throws IOException {
    throw new UnsupportedOperationException("the driver connects by itself");
  }

  @Override
  public Socket createSocket(InetAddress host, int port) throws IOException {
    throw new UnsupportedOperationException("the driver connects by itself");
  }

  @Override
  public Socket createSocket(InetAddress address, int port, InetAddress localAddress, int localPort) throws IOException {
    throw new UnsupportedOperationException("the driver connects by itself");
  }

  private static final class TimedSocket extends Socket {

    private long sent;
    private long answered;

    @Override
    public InputStream getInputStream() throws IOException {
      return new FilterInputStream(super.getInputStream()) {
        @Override
        public int read() throws IOException {
          int unit = super.read();
          answered = System.nanoTime();
          return unit;
        }

        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
          int count = super.read(bytes, from, length);
          answered = System.nanoTime();
          return count;
        }
      };
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
      return new FilterOutputStream(super.getOutputStream()) {
        @Override
        public void write(int unit) throws IOException {
          begin();
          out.write(unit);
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
          begin();
          out.write(bytes, from, length);
        }
      };
    }

    /** A request after an answer: the exchange before is over. */
    private void begin() {
      if (answered >= sent) {
        if (sent != 0) {
          EXCHANGES.computeIfAbsent(Thread.currentThread(), thread -> new ArrayList<>()).add(answered - sent);
        }
        sent = System.nanoTime();
      }
    }
  }
}
