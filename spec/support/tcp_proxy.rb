# frozen_string_literal: true

require "uri"

# A way to the database that can be closed: what went through it is cut, and nothing gets through any more. In Java's sockets, which
# are read and written by two threads at the same time.
class TcpProxy
  # @param url [String] the database's
  def initialize(url)
    @target = URI(url)
    @server = java.net.ServerSocket.new(0, 50, java.net.InetAddress.get_by_name("127.0.0.1"))
    @sockets = Queue.new
    @accepting = start { loop { accept } }
  end

  # @return [String] the same database by this way
  def url = "#{@target.scheme}://#{@target.userinfo}@127.0.0.1:#{@server.local_port}#{@target.path}"

  def close
    @server.close
    @accepting.join
    @sockets.pop.close until @sockets.empty?
  end

  private

  def accept
    client = @server.accept
    @sockets << client
    server = java.net.Socket.new(@target.host, @target.port || 5432)
    @sockets << server
    start { pump(client, server) }
    start { pump(server, client) }
  end

  def pump(from, to)
    from.input_stream.transfer_to(to.output_stream)
  ensure
    from.close
    to.close
  end

  # Until somebody closes what it works on.
  def start
    Thread.new do
      yield
    rescue java.io.IOException
      nil
    end
  end
end
