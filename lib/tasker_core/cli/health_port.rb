# frozen_string_literal: true

require "json"

module TaskerCore
  module CLI
    # Answers over HTTP, at once and from memory, whatever the database and other clients do:
    #
    # - +GET /live+: the process exists, and answers.
    # - +GET /health+: what the {HealthWatch} saw last, as JSON, including the worker's +stats+; 200 while the status is
    #   +ok+ or +degraded+ and 503 while it is +down+.
    # - +GET /metrics+: the figures in Prometheus's text format.
    #
    # The core's server has one thread for all clients (io.taskercore.http says why it is not the JDK's), so nothing
    # here may wait.
    #
    # @api private
    class HealthPort
      CODES = Hash.new(503).merge("ok" => 200, "degraded" => 200).freeze
      JSON_TYPE = "application/json"
      TEXT_TYPE = "text/plain; charset=utf-8"
      METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
      private_constant :CODES, :JSON_TYPE, :TEXT_TYPE, :METRICS_TYPE

      # @param address [Array(String, Integer), nil] host, nil for all, and port, 0 for any that is free; nil: nothing is answered
      # @param watch [HealthWatch]
      # @param worker [Worker]
      def initialize(address, watch, worker)
        @address = address
        @watch = watch
        @worker = worker
      end

      # Answers while the block runs.
      #
      # @raise [Application::Broken] if the port cannot be used
      def keep
        open if @address
        yield
      ensure
        @server&.close
      end

      private

      def open
        Monitor.prometheus # starts counting the active tasks in the background, so that the first scrape has them, too
        @server = Java::IoTaskercoreHttp::HttpPort.open(socket_address) { |path| Java::IoTaskercoreHttp::Answer.new(*answer(path)) }
        Log.info("health: answers on port #{@server.number}")
      rescue java.io.IOException => e
        raise Application::Broken, "cannot answer on #{@address.compact.join(':')}: #{e.message}"
      end

      def socket_address
        host, port = @address
        host ? java.net.InetSocketAddress.new(host, port) : java.net.InetSocketAddress.new(port)
      end

      # @return [Array(Integer, String, String)] status, content type and body
      def answer(path)
        case path
        when "/live" then [200, TEXT_TYPE, "alive\n"]
        when "/health" then health
        when "/metrics" then [200, METRICS_TYPE, Monitor.prometheus]
        else [404, TEXT_TYPE, "there are /live, /health and /metrics\n"]
        end
      rescue StandardError => e
        Log.warn("health: #{path} was not answered: #{Log.text(e)}")
        [503, TEXT_TYPE, "#{Log.text(e.message)}\n"]
      end

      def health
        health = @watch.last
        [CODES[health["status"]], JSON_TYPE, "#{JSON.generate(health.merge('worker' => @worker.stats.to_h))}\n"]
      end
    end
  end
end
