# frozen_string_literal: true

require "json"

module TaskerCore
  module CLI
    # Answers over HTTP: +GET /health+ with the coordinator's health as JSON, and the worker's +stats+ in it, 200 while it is +ok+ or
    # +degraded+ and 503 while it is +down+; +GET /metrics+ with the figures in Prometheus's text format. The JDK's own server, on
    # threads of its own, so that probes are answered however busy the handlers are.
    #
    # @api private
    class HealthPort
      CODES = Hash.new(503).merge("ok" => 200, "degraded" => 200).freeze
      JSON_TYPE = "application/json"
      TEXT_TYPE = "text/plain; charset=utf-8"
      METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
      private_constant :CODES, :JSON_TYPE, :TEXT_TYPE, :METRICS_TYPE

      # One slow client or two do not keep a probe waiting.
      THREADS = 4
      private_constant :THREADS

      # @param address [Array(String, Integer), nil] host, nil for all, and port, 0 for any that is free; nil: nothing is answered
      # @param coordinator [Coordinator]
      # @param worker [Worker]
      def initialize(address, coordinator, worker)
        @address = address
        @coordinator = coordinator
        @worker = worker
      end

      # Answers while the block runs.
      #
      # @raise [Application::Broken] if the port cannot be had
      def keep
        open if @address
        yield
      ensure
        @server&.stop(0)
        @threads&.shutdown_now
      end

      private

      def open
        @server = Java::ComSunNetHttpserver::HttpServer.create(socket_address, 0)
        @threads = java.util.concurrent.Executors.new_fixed_thread_pool(THREADS) { |work| daemon(work) }
        @server.executor = @threads
        @server.create_context("/") { |exchange| answer(exchange) }
        @server.start
        Log.info("health: answers on port #{@server.address.port}")
      rescue java.io.IOException => e
        raise Application::Broken, "cannot answer on #{@address.compact.join(':')}: #{e.message}"
      end

      def socket_address
        host, port = @address
        host ? java.net.InetSocketAddress.new(host, port) : java.net.InetSocketAddress.new(port)
      end

      def daemon(work)
        java.lang.Thread.new(work, "tasker-health-port").tap { |thread| thread.daemon = true }
      end

      def answer(exchange)
        code, type, body = answer_to(exchange.request_method, exchange.request_uri.path)
        exchange.response_headers.set("Content-Type", type)
        exchange.response_headers.set("Allow", "GET, HEAD") if code == 405
        send_body(exchange, code, exchange.request_method == "HEAD" ? "" : body)
      rescue java.io.IOException => e
        Log.debug("health: whoever asked is gone: #{Log.text(e.message)}")
      ensure
        exchange.close
      end

      # -1 tells that there is no body.
      def send_body(exchange, code, body)
        exchange.send_response_headers(code, body.empty? ? -1 : body.bytesize)
        exchange.response_body.write(body.to_java_bytes) unless body.empty?
      end

      # @return [Array(Integer, String, String)] status, content type and body
      def answer_to(method, path)
        return [405, TEXT_TYPE, "only GET\n"] unless %w[GET HEAD].include?(method)

        case path
        when "/health" then health
        when "/metrics" then [200, METRICS_TYPE, Monitor.prometheus]
        else [404, TEXT_TYPE, "there are /health and /metrics\n"]
        end
      rescue StandardError => e
        Log.warn("health: #{path} was not answered: #{Log.text(e)}")
        [503, TEXT_TYPE, "#{e.message}\n"]
      end

      def health
        health = @coordinator.health
        [CODES[health.status], JSON_TYPE, "#{JSON.generate(health.to_h.merge('worker' => @worker.stats.to_h))}\n"]
      end
    end
  end
end
