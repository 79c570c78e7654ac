# frozen_string_literal: true

require "socket"
require "uri"

# A way to the database that can be closed: what went through it is cut, and nothing gets through any more.
class TcpProxy
  # @param url [String] the database's
  def initialize(url)
    @target = URI(url)
    @server = TCPServer.new("127.0.0.1", 0)
    @sockets = Queue.new
    @accepting = Thread.new { accept until @server.closed? }
  end

  # @return [String] the same database by this way
  def url = @target.dup.tap { |uri| uri.host, uri.port = "127.0.0.1", @server.addr[1] }.to_s

  def close
    return if @server.closed?

    @server.close
    @sockets.pop.close until @sockets.empty?
    @accepting.join
  end

  private

  def accept
    client = @server.accept
    server = TCPSocket.new(@target.host, @target.port || 5432)
    @sockets << client << server
    [[client, server], [server, client]].each do |from, to|
      Thread.new { pump(from, to) }
    end
  rescue IOError, SystemCallError
    # Closed while it waited.
  end

  def pump(from, to)
    # Not IO.copy_stream, which may wait for more before it passes anything on.
    loop { to.write(from.readpartial(16_384)) }
  rescue IOError, SystemCallError
    # The other side is gone.
  ensure
    [from, to].each { |socket| socket.close unless socket.closed? }
  end
end
