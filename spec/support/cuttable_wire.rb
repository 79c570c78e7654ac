# frozen_string_literal: true

require "socket"
require "uri"

# A way to the database that can be cut, and mended: what a client on it sees of a server that is stopped, and started again.
#
#   wire = CuttableWire.new(url)
#   wire.url      # => the same database, by way of the wire
#   wire.cut      # open connections break, new ones are refused
#   wire.mend
#   wire.close
class CuttableWire
  def initialize(url)
    @target = URI(url)
    @lock = Mutex.new
    @sockets = []
    mend
  end

  def url
    URI::Generic.build(scheme: @target.scheme, userinfo: @target.userinfo, host: "127.0.0.1", port: @port, path: @target.path).to_s
  end

  def cut
    @lock.synchronize do
      @server&.close
      @server = nil
      @sockets.each(&:close).clear
    end
  end

  def mend
    @lock.synchronize do
      next if @server

      @server = TCPServer.new("127.0.0.1", @port || 0)
      @port = @server.local_address.ip_port
      Thread.new(@server) { |server| serve(server) }.name = "wire"
    end
  end

  alias close cut

  private

  def serve(server)
    loop { connect(server.accept) }
  rescue IOError, SystemCallError
    nil # cut
  end

  def connect(client)
    target = TCPSocket.new(@target.host, @target.port || 5432)
    @lock.synchronize { @sockets.push(client, target) }
    [[client, target], [target, client]].each { |from, to| Thread.new { pump(from, to) }.name = "wire" }
  rescue SystemCallError
    client.close
  end

  def pump(from, to)
    loop { to.write(from.readpartial(65_536)) }
  rescue IOError, SystemCallError
    [from, to].each(&:close)
    @lock.synchronize { @sockets -= [from, to] }
  end
end
