# frozen_string_literal: true

# What bin/demo runs: orders on their way through fulfilment, on a PostgreSQL of their own or on $DATABASE_URL.

require "json"
require "logger"
require "optparse"
require "stringio"
require_relative "fulfillment"
require_relative "demo/batch"
require_relative "demo/ink"
require_relative "demo/live_view"
require_relative "demo/report"
require_relative "demo/transcript"

module Fulfillment
  # The program. It ends well if every order ends as it should: paid and shipped, or declined where that was asked for.
  module Demo
    Options = Struct.new(:orders, :fail, :json, keyword_init: true)

    MAX_ORDERS = 200

    class << self
      # @return [Boolean] whether all came as expected
      def main(arguments, out: $stdout)
        options = parse(arguments)
        TaskerCore.logger = Logger.new($stderr, level: Logger::WARN, progname: "tasker_core")
        with_coordinator(options, out) do |coordinator|
          coordinator.register_template(TEMPLATE)
          Fulfillment.reset(latency: 0.12, retry_after: 1)
          batch = Batch.new(coordinator, orders(options))
          options.json ? report_json(batch, out) : report(batch, out)
          surprises(batch).each { |surprise| warn "bin/demo: #{surprise}" }.empty?
        end
      rescue TaskerCore::Error => e
        warn "bin/demo: #{e.message}"
        false
      end

      # What differs from what should have come of a batch, as the world outside sees it too: a charge and a parcel for each order
      # that was completed, and for no other.
      #
      # @return [Array<String>]
      def surprises(batch)
        wrong = batch.runs.reject(&:as_expected?).map { |run| "#{run.order_id} is #{run.status}, and should be #{run.expected_status}" }
        complete = batch.runs.count { |run| run.status == "complete" }
        charges = Fulfillment.payment_gateway.charges.size
        parcels = Fulfillment.carrier.shipments.size
        wrong << "#{complete} orders are complete, with #{charges} charges and #{parcels} parcels" unless [charges, parcels] == [complete, complete]
        wrong
      end

      private

      def parse(arguments)
        options = Options.new(orders: 3, fail: false, json: false)
        OptionParser.new do |parser|
          parser.banner = "Usage: bin/demo [options]\n\nSends orders through examples/order_fulfillment and shows what happens to them.\n\n"
          parser.on("--orders N", Integer, "how many orders run at once, 1 to #{MAX_ORDERS} (default 3)") do |number|
            raise OptionParser::InvalidArgument, number.to_s unless number.between?(1, MAX_ORDERS)

            options.orders = number
          end
          parser.on("--fail", "the last order's card is declined for good") { options.fail = true }
          parser.on("--json", "print nothing but one JSON document, when all is over") { options.json = true }
        end.parse!(arguments)
        raise OptionParser::NeedlessArgument, arguments.first unless arguments.empty?

        options
      rescue OptionParser::ParseError => e
        abort "bin/demo: #{e.message} (--help tells the options)"
      end

      def with_coordinator(options, out)
        url, database = database(options)
        TaskerCore.migrate!(url)
        coordinator = TaskerCore.create_coordinator_with_config(database_url: url, max_parallel_steps: 20, environment: "development")
        out.puts "tasker_core #{TaskerCore::VERSION}, #{platform}, #{database}", "" unless options.json
        yield coordinator
      ensure
        coordinator&.close
      end

      def platform = "JRuby #{JRUBY_VERSION}, Java #{java.lang.System.get_property('java.version')}"

      def database(options)
        return [ENV.fetch("DATABASE_URL"), "the PostgreSQL of DATABASE_URL"] unless ENV["DATABASE_URL"].to_s.empty?

        require_relative "../../support/embedded_postgres"
        $stderr.puts "Starting PostgreSQL ..." if $stderr.tty? && !options.json
        [EmbeddedPostgres.start(durable: true).url, "a PostgreSQL for this run alone (fsync on)"]
      end

      # @return [Array<Array(Hash, String)>] requests, and in which status each task ought to end
      def orders(options)
        batch = SecureRandom.hex(2).upcase
        (1..options.orders).map do |number|
          declined = options.fail && number == options.orders
          request = Orders.request(number, batch: batch, **(declined ? { card: PaymentGateway::DECLINED_CARD } : {}))
          [request, declined ? "error" : "complete"]
        end
      end

      def report(batch, out)
        live = out.tty? && ENV["NO_COLOR"].to_s.empty? && ENV["TERM"] != "dumb"
        ink = Ink.new(live)
        view = (live ? LiveView : Transcript).new(batch, ink, out)
        holding_log_lines(live) { view.show { |draw| batch.run(&draw) } }
        Report.new(batch, ink, out).print
        out.puts "", ink.paint("What to try next", :bold), "", suggestions(batch)
      end

      # A line of the log in the midst of a drawing would be drawn over, and move it.
      def holding_log_lines(live)
        return yield unless live

        held = StringIO.new
        former = TaskerCore.logger
        TaskerCore.logger = Logger.new(held, level: Logger::WARN, progname: "tasker_core")
        yield
      ensure
        if live
          TaskerCore.logger = former
          $stderr.print held.string
        end
      end

      def report_json(batch, out)
        batch.run {}
        orders = batch.runs.map do |run|
          { order_id: run.order_id, expected_status: run.expected_status, as_expected: run.as_expected?, task: run.context.to_h }
        end
        out.puts JSON.pretty_generate(
          tasker_core: TaskerCore::VERSION, jruby: JRUBY_VERSION, as_expected: surprises(batch).empty?,
          duration_ms: (batch.elapsed * 1000).round, charges: Fulfillment.payment_gateway.charges.map(&:to_h), orders: orders
        )
      end

      def suggestions(batch)
        declined = batch.runs.any? { |run| run.status == "error" }
        {
          "bin/demo --fail" => ("a card is declined: that order ends in error" unless declined),
          "bin/demo --orders 50" => "more of them at once",
          "bin/demo --json" => "the same for programs",
          "DATABASE_URL=… bin/demo" => "on a server of yours: the tasks stay there",
          "bin/console" => "a coordinator to play with",
          "examples/order_fulfillment/" => "the template and the handlers of this run",
          "docs/writing-handlers.md" => "how to write your own"
        }.compact.map { |what, why| "  #{what.ljust(28)} #{why}" }
      end
    end
  end
end

if $PROGRAM_NAME == __FILE__
  begin
    exit Fulfillment::Demo.main(ARGV)
  rescue Interrupt
    exit 130
  end
end
