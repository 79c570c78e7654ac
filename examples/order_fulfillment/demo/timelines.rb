# frozen_string_literal: true

require "time"

module Fulfillment
  module Demo
    # Orders as lines of text: for each its steps, and on a common time axis their attempts and waits.
    class Timelines
      BAR = { attempt: "█", wait: "┄" }.freeze

      # @param width [Integer] of the terminal
      def initialize(batch, ink, width)
        @batch = batch
        @ink = ink
        @bar_width = (width - 68).clamp(16, 48)
        @name_width = batch.runs.first.steps.map { |step| step["name"].size }.max
      end

      def lines = @batch.runs.flat_map { |run| [heading(run), *run.steps.map { |step| step_line(run, step) }] }

      # An order in one line, for when there are many.
      def summaries(runs) = runs.map { |run| "#{summary(run)}  #{@ink.paint(note(run), :dim)}" }

      private

      def heading(run)
        progress = "task #{run.task_id}, #{run.status}, #{run.context['completion_percentage'].round} %"
        "#{@ink.sign(run.status)} #{@ink.paint(run.order_id, :bold)}  #{progress}  #{@ink.paint(contents(run.order), :dim)}"
      end

      def contents(order)
        items = order["items"].map { |item| "#{item['quantity']} × #{item['sku']}" }
        "#{order.dig('customer', 'name')}, #{order.dig('shipping', 'address', 'city')}: #{items.join(', ')}"
      end

      def step_line(run, step)
        spans = run.spans(step)
        "  #{@ink.sign(step['state'])} #{step['name'].ljust(@name_width)} #{bar(spans, step)} #{remark(run, step, spans)}".rstrip
      end

      # A second at least, so that the bars of the first moments don't jump.
      def scale = [@batch.elapsed, 1.0].max / @bar_width

      def bar(spans, step)
        cells = Array.new(@bar_width, " ")
        spans.each do |span|
          colour = span.kind == :wait ? :yellow : failed?(spans, span, step) ? :red : @ink.colour(span.to ? "complete" : "in_progress")
          (cell(span.from)..cell(span.to || @batch.now)).each do |x|
            cells[x] = @ink.paint(BAR[span.kind], colour) unless span.kind == :wait && cells[x] != " "
          end
        end
        @ink.paint("▕", :dim) + cells.join + @ink.paint("▏", :dim)
      end

      def cell(time) = ((time - @batch.started_at) / scale).floor.clamp(0, @bar_width - 1)

      # An attempt that was followed by a wait, or that ended the step in error.
      def failed?(spans, span, step) = span.to && (!span.equal?(spans.last) || step["state"] == "error")

      def remark(run, step, spans)
        case step["state"]
        when "complete" then duration(run.seconds(spans, @batch.now)) + retries(run, step, spans)
        when "in_progress" then @ink.paint(attempt(step), :cyan)
        when "waiting_for_retry" then @ink.paint(countdown(step), :yellow)
        when "error" then @ink.paint(error(step), :red)
        else ""
        end
      end

      def retries(run, step, spans)
        return "" if step["attempts"] < 2

        @ink.paint(", #{step['attempts']} attempts, waited #{duration(run.waited(spans, @batch.now)).strip}", :dim)
      end

      def attempt(step) = "attempt #{step['attempts']} of #{step['max_attempts']}"

      def countdown(step)
        seconds = Time.iso8601(step["next_run_at"]) - @batch.now
        due = seconds.positive? ? format("in %.1f s", seconds) : "is due"
        "attempt #{step['attempts'] + 1} #{due}: #{step.dig('error', 'message')}"
      end

      def error(step) = "#{step.dig('error', 'error_code') || step.dig('error', 'class')}: #{step.dig('error', 'message')}"

      def duration(seconds) = seconds < 1 ? format("%3d ms", seconds * 1000) : format("%.2f s", seconds)

      def summary(run)
        signs = run.steps.map { |step| @ink.sign(step["state"]) }.join(" ")
        "#{@ink.sign(run.status)} #{@ink.paint(run.order_id.ljust(14), :bold)} #{signs}"
      end

      # What the step that is under way, or that ended the task, has to say.
      def note(run)
        step = run.steps.find { |one| %w[in_progress waiting_for_retry error].include?(one["state"]) }
        case step && step["state"]
        when nil then run.ended? ? "#{run.attempts} attempts" : ""
        when "waiting_for_retry" then "#{step['name']}: #{countdown(step)}"
        when "error" then "#{step['name']}: #{error(step)}"
        else "#{step['name']}: #{attempt(step)}"
        end
      end
    end
  end
end
