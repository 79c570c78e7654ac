package io.taskercore.http;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client, its one request and its answer.
 *
 * <ol>
 *   <li>The head of the request is read, until an empty line or until it is too long.
 *   <li>The answer is written, as fast as the client takes it.
 *   <li>What the client still sends is read and forgotten, until it closes its side. If the connection were closed on unread bytes, TCP
 *       would reset it, and the client might lose the answer.
 * </ol>
 */
final class Exchange implements Closeable {

  private static final Logger LOG = LoggerFactory.getLogger(Exchange.class);

  private final SocketChannel channel;
  private final SelectionKey key;
  private final Responder responder;
  private final Limits limits;
  private final ByteBuffer received;
  private ByteBuffer answer;
  private long deadline;

  /** Registers the client with the selector. */
  Exchange(SocketChannel channel, Selector selector, Responder responder, Limits limits) throws IOException {
    this.channel = channel;
    this.responder = responder;
    this.limits = limits;
    this.received = ByteBuffer.allocate(limits.headBytes());
    this.deadline = in(limits.clientMs());
    channel.configureBlocking(false);
    this.key = channel.register(selector, SelectionKey.OP_READ, this);
  }

  private static long in(long ms) {
    return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ms);
  }

  long nanosLeft() {
    return deadline - System.nanoTime();
  }

  /**
   * Goes on as far as the client lets it.
   *
   * @return whether there is more to come
   */
  boolean advance() throws IOException {
    if (answer == null) {
      if (channel.read(received) < 0) {
        return false;
      }
      answer = answer();
      return answer == null || write();
    }
    return answer.hasRemaining() ? write() : forget();
  }

  /** Null while the head is not complete. */
  private ByteBuffer answer() {
    String head = new String(received.array(), 0, received.position(), StandardCharsets.ISO_8859_1);
    if (!head.contains("\r\n\r\n") && !head.contains("\n\n")) {
      return received.hasRemaining()
          ? null
          : Answer.refusal(431, "a request has at most " + limits.headBytes() + " bytes of headers").bytes(true);
    }
    Request request = Request.of(head);
    if (request == null) {
      return Answer.refusal(400, "that is no request of HTTP/1.1").bytes(true);
    }
    return request.isRead() ? answer(request.path()).bytes(!request.isHead()) : Answer.refusal(405, "only GET").bytes(true);
  }

  /** Whatever the responder does, it must not end the thread that serves the others. */
  private Answer answer(String path) {
    try {
      return responder.answer(path);
    } catch (Exception | Error failure) {
      LOG.warn("{} was not answered: {}", path, failure.getMessage(), failure);
      return Answer.refusal(500, "there is no answer");
    }
  }

  private boolean write() throws IOException {
    channel.write(answer);
    if (answer.hasRemaining()) {
      key.interestOps(SelectionKey.OP_WRITE);
    } else {
      channel.shutdownOutput();
      deadline = Math.min(deadline, in(limits.lingerMs()));
      key.interestOps(SelectionKey.OP_READ);
    }
    return true;
  }

  private boolean forget() throws IOException {
    return channel.read(received.clear()) >= 0;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
