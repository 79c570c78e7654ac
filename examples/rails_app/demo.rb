# frozen_string_literal: true

# bin/demo rails: this application on a PostgreSQL of its own, with a worker in it, and three orders to begin with.
require "json"
require "net/http"
require "optparse"
require "tmpdir"

module Shop
  # Serves the application on Puma or Jetty, and is its first customer.
  class Demo
    ROOT = File.expand_path("../..", __dir__)
    ORDERS = [%w[Ada tea], %w[Grace coffee], %w[Mallory cake]].freeze

    # What each ends in: the last one's card is declined.
    EXPECTED = %w[complete complete error].freeze

    # How long to wait for the server and for the orders, in seconds.
    PATIENCE = 180

    def initialize(arguments)
      @port = 3000
      parser = OptionParser.new("Usage: bin/demo rails [OPTIONS]\n\n")
      parser.on("--jetty", "in a servlet container, instead of on Puma") { @jetty = true }
      parser.on("--port PORT", Integer, "where it listens (#{@port})") { |port| @port = port }
      parser.on("--once", "ends when the orders have") { @once = true }
      rest = parser.parse(arguments)
      abort "bin/demo rails: #{rest.join(' ')} means nothing\n#{parser.help}" unless rest.empty?
    rescue OptionParser::ParseError => e
      abort "bin/demo rails: #{e.message}\n#{parser.help}"
    end

    # Serves until it is told to stop.
    def run
      ENV.update("DATABASE_URL" => database_url, "PORT" => @port.to_s, "RAILS_ENV" => "production", "TASKER_EMBEDDED_WORKER" => "true",
                 "LOG_LEVEL" => "warn", "RAILS_LOG_TO_STDOUT" => "1")
      customer = Thread.new { order_and_watch }
      @jetty ? serve_on_jetty : serve_on_puma
      exit false if @once && !customer.value
    end

    private

    def database_url
      ENV.fetch("DATABASE_URL") do
        require_relative "../../support/embedded_postgres"
        puts "Starting PostgreSQL ..."
        EmbeddedPostgres.start(durable: true).url
      end
    end

    def serve_on_puma
      puts "Starting Rails on Puma ..."
      Dir.chdir(__dir__)
      require "puma/cli"
      Puma::CLI.new(["-C", "config/puma.rb"]).run
    end

    def serve_on_jetty
      puts "Starting Rails in Jetty ..."
      require_relative "../../support/rails/war"
      war = War.build(__dir__, Dir.mktmpdir("tasker_war"))
      at_exit { FileUtils.rm_rf(war) }
      # A process of its own: the runtimes of its contexts see the environment of the process, not what was changed in Ruby.
      jetty = Process.spawn(*jruby, "#{ROOT}/support/rails/jetty.rb", war)
      %w[INT TERM].each { |signal| Signal.trap(signal) { Process.kill("TERM", jetty) } }
      Process.wait(jetty)
    end

    # The command for a JRuby like this one.
    def jruby
      property = ->(name) { Java::JavaLang::System.get_property(name) }
      options = Java::JavaLangManagement::ManagementFactory.runtime_mx_bean.input_arguments.to_a
      ["#{property['java.home']}/bin/java", *options, "-cp", property["java.class.path"], property["sun.java.command"].split.first]
    end

    def order_and_watch
      wait_until { get("/api/health").is_a?(Net::HTTPSuccess) }
      puts "", "http://127.0.0.1:#{@port}/ is the shop; its API is curl -d customer=Ada -d item=tea http://127.0.0.1:#{@port}/api/orders", ""
      ids = ORDERS.map { |customer, item| JSON.parse(post(customer: customer, item: item).body)["id"] }
      as_expected = ids.zip(EXPECTED).map { |id, expected| watch(id) == expected }.all?
      puts "", @once ? "The orders went as they should: #{as_expected}" : "Ctrl-C ends it."
      Process.kill("TERM", Process.pid) if @once
      as_expected
    end

    # Prints the order once its workflow has ended.
    #
    # @return [String] how it ended
    def watch(id)
      order = nil
      wait_until { (order = JSON.parse(get("/api/orders/#{id}").body)).dig("workflow", "status").match?(/complete|error/) }
      steps = order["workflow"]["steps"].map { |step| "#{step['name']} #{step['state'].tr('_', ' ')}#{" ×#{step['attempts']}" if step['attempts'] > 1}" }
      puts format("order %-4s %-8s %-7s %-8s  %s", "##{id}", order["customer"], order["item"], order["workflow"]["status"], steps.join(", "))
      order["workflow"]["status"]
    end

    def wait_until
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + PATIENCE
      until attempt { yield }
        raise "nothing came of it within #{PATIENCE} s" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

        sleep 0.2
      end
    end

    # False while nobody listens.
    def attempt
      yield
    rescue SystemCallError, EOFError
      false
    end

    def get(path) = Net::HTTP.get_response(URI("http://127.0.0.1:#{@port}#{path}"))
    def post(**form) = Net::HTTP.post_form(URI("http://127.0.0.1:#{@port}/api/orders"), form)
  end
end

Shop::Demo.new(ARGV.dup).run if $PROGRAM_NAME == __FILE__
