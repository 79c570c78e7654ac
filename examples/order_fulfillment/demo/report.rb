# frozen_string_literal: true

require "io/console"
require "json"

module Fulfillment
  module Demo
    # What came of a batch, after the end.
    class Report
      WIDTHS = (60..100).freeze

      def initialize(batch, ink, out)
        @batch = batch
        @ink = ink
        @out = out
        @width = (out.tty? ? out.winsize.last : WIDTHS.max).clamp(WIDTHS)
      end

      def print
        section("What came of it", table)
        @out.puts "", books
        run = @batch.runs.find { |one| one.status == "error" } || @batch.runs.first
        section("What PostgreSQL knows of #{run.order_id}: coordinator.task_context(#{run.task_id})", json(shortened(run.context.to_h)))
      end

      private

      def section(title, lines) = @out.puts("", @ink.paint(title, :bold), "", lines)

      def table
        rows = @batch.runs.map { |run| row(run) }
        header = %w[order task status steps attempts time outcome]
        widths = [header, *rows].transpose.map { |column| column.map(&:size).max }
        [header, *rows].map.with_index do |cells, index|
          line = "  #{cells.zip(widths).map { |cell, width| cell.ljust(width) }.join('  ')}".rstrip
          index.zero? ? @ink.paint(line, :dim) : line
        end
      end

      def row(run)
        time = format("%.2f s", (run.completed_at || @batch.now) - run.created_at)
        steps = "#{run.context['completed_steps']} of #{run.context['total_steps']}"
        [run.order_id, run.task_id.to_s, run.status, steps, run.attempts.to_s, time, outcome(run)]
      end

      def outcome(run)
        failed = run.steps.find { |step| step["state"] == "error" }
        return "#{failed['name']}: #{failed.dig('error', 'error_code') || failed.dig('error', 'message')}" if failed

        payment = run.step("process_payment")["result"] || {}
        shipment = run.step("ship_order")["result"] || {}
        format("%.2f %s, parcel %s", payment.fetch("amount_cents", 0) / 100.0, payment["currency"], shipment["tracking_number"])
      end

      def books
        attempts = @batch.runs.sum { |run| run.step("process_payment")["attempts"] }
        "  #{attempts} requests to the gateway, #{Fulfillment.payment_gateway.charges.size} charges:\n" \
          "  all attempts at a step share one idempotency key."
      end

      # Without what repeats itself.
      def shortened(context)
        steps = context["steps"].map { |step| step.slice("name", "state", "attempts", "result", "error").compact }
        steps.each { |step| step["error"] &&= step["error"].merge("backtrace" => step["error"]["backtrace"].first(1)) }
        shown = context.slice("task_id", "namespace", "name", "version", "status", "execution_status", "completion_percentage", "payload")
        transitions = context["transitions"].map { |change| change.values_at("at", "step_name", "from_state", "to_state", "reason").compact.join(" ") }
        shown.merge("steps" => steps, "transitions" => [*transitions.first(3), "… and #{transitions.size - 3} more"])
      end

      # JSON with what fits into a line on one line.
      #
      # @param indent [Integer] of the lines after the first
      # @param taken [Integer] how much of the first line is taken already
      def json(value, indent = 0, taken = indent)
        flat = one_line(value)
        case value
        when Hash, Array then flat.size + taken < @width ? flat : lines(value, indent)
        else flat
        end
      end

      def lines(value, indent)
        pad = " " * (indent + 2)
        if value.is_a?(Array)
          inner = value.map { |item| pad + json(item, pad.size) }
          "[\n#{inner.join(",\n")}\n#{' ' * indent}]"
        else
          inner = value.map { |key, item| "#{pad}#{key.to_json}: #{json(item, pad.size, pad.size + key.size + 4)}" }
          "{\n#{inner.join(",\n")}\n#{' ' * indent}}"
        end
      end

      def one_line(value)
        case value
        when Hash then value.empty? ? "{}" : "{ #{value.map { |key, item| "#{key.to_json}: #{one_line(item)}" }.join(', ')} }"
        when Array then "[#{value.map { |item| one_line(item) }.join(', ')}]"
        else value.to_json
        end
      end
    end
  end
end
