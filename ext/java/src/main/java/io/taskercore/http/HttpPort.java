package io.taskercore.http;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers GET and HEAD over HTTP, on one thread that never waits for a client. Each client has a few seconds and one request
 * ({@link Limits}). If there are too many at once, the one that came first is dropped: that is one that stalls, because an answer takes
 * no time.
 */
public final class HttpPort implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(HttpPort.class);

  /** The machine may be out of files: trying again at once would only keep the thread busy. */
  private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final long CLOSE_MS = 1_000;

  private final Limits limits;
  private final Responder responder;
  private final Selector selector;
  private final ServerSocketChannel listener;
  private final SelectionKey arrivals;
  private final Thread thread;

  /** Exchanges in the order in which they came. Only the thread looks at them. */
  private final Set<Exchange> exchanges = new LinkedHashSet<>();

  private long pausedSince;
  private volatile boolean closed;

  /**
   * Answers from now on.
   *
   * @throws IOException if the address cannot be used
   */
  public static HttpPort open(InetSocketAddress address, Responder responder) throws IOException {
    return open(address, responder, Limits.DEFAULT);
  }

  static HttpPort open(InetSocketAddress address, Responder responder, Limits limits) throws IOException {
    if (address.isUnresolved()) {
      throw new UnknownHostException("no address is known of " + address.getHostString());
    }
    ServerSocketChannel listener = ServerSocketChannel.open();
    try {
      HttpPort port = new HttpPort(listener.bind(address), responder, limits);
      port.thread.start();
      return port;
    } catch (IOException | RuntimeException failure) {
      listener.close();
      throw failure;
    }
  }

  private HttpPort(ServerSocketChannel listener, Responder responder, Limits limits) throws IOException {
    this.limits = limits;
    this.responder = responder;
    this.listener = listener;
    listener.configureBlocking(false);
    this.selector = Selector.open();
    this.arrivals = listener.register(selector, SelectionKey.OP_ACCEPT);
    this.thread = new Thread(this::serve, "tasker-health-port");
    thread.setDaemon(true);
  }

  /** The port that it got, if it asked for any. */
  public int number() {
    return listener.socket().getLocalPort();
  }

  private void serve() {
    try {
      while (!closed) {
        selector.select(this::ready, patienceMs());
        exchanges.stream().filter(exchange -> exchange.nanosLeft() <= 0).toList().forEach(this::end);
        if (isPaused() && pauseLeft() <= 0) {
          arrivals.interestOps(SelectionKey.OP_ACCEPT);
        }
      }
    } catch (IOException | RuntimeException | Error failure) {
      LOG.error("the port for health answers no more: {}", failure.getMessage(), failure);
    } finally {
      List.copyOf(exchanges).forEach(this::end);
      release(listener);
      release(selector);
    }
  }

  /** The time until somebody's time is over; 0, which means for ever, if there is nobody. */
  private long patienceMs() {
    long nanos = exchanges.stream().mapToLong(Exchange::nanosLeft).min().orElse(Long.MAX_VALUE);
    if (isPaused()) {
      nanos = Math.min(nanos, pauseLeft());
    }
    return nanos == Long.MAX_VALUE ? 0 : Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanos) + 1);
  }

  private boolean isPaused() {
    return arrivals.interestOps() == 0;
  }

  private long pauseLeft() {
    return pausedSince + PAUSE_NANOS - System.nanoTime();
  }

  private void ready(SelectionKey key) {
    if (key == arrivals) {
      welcome();
    } else {
      advance((Exchange) key.attachment());
    }
  }

  private void welcome() {
    SocketChannel channel = null;
    try {
      channel = listener.accept();
      if (channel != null) {
        exchanges.add(new Exchange(channel, selector, responder, limits));
        makeRoom();
      }
    } catch (IOException failure) {
      LOG.warn("a client of the port for health was not let in: {}", failure.getMessage());
      release(channel);
      pausedSince = System.nanoTime();
      arrivals.interestOps(0);
    }
  }

  private void makeRoom() {
    if (exchanges.size() > limits.clients()) {
      end(exchanges.iterator().next());
    }
  }

  private void advance(Exchange exchange) {
    boolean more = false;
    try {
      more = exchange.advance();
    } catch (IOException | RuntimeException gone) {
      LOG.debug("a client of the port for health is gone: {}", gone.getMessage());
    }
    if (!more) {
      end(exchange);
    }
  }

  private void end(Exchange exchange) {
    exchanges.remove(exchange);
    release(exchange);
  }

  private static void release(Closeable resource) {
    if (resource != null) {
      try {
        resource.close();
      } catch (IOException failure) {
        LOG.debug("closing failed: {}", failure.getMessage());
      }
    }
  }

  /** Stops answering. */
  @Override
  public void close() {
    closed = true;
    selector.wakeup();
    try {
      thread.join(CLOSE_MS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
