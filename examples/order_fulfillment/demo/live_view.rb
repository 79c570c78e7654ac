# frozen_string_literal: true

require "io/console"
require_relative "dag_drawing"
require_relative "timelines"

module Fulfillment
  module Demo
    # The run as it happens, in a terminal: the same lines, drawn over again.
    class LiveView
      NO_CURSOR_NO_WRAP = "\e[?25l\e[?7l"
      CURSOR_AND_WRAP = "\e[?25h\e[?7h"

      # The weightiest state first: it colours a step in the drawing where orders differ.
      WEIGHT = %w[error waiting_for_retry in_progress enqueued pending cancelled complete].freeze

      def initialize(batch, ink, out)
        @batch = batch
        @ink = ink
        @out = out
        @dag = DagDrawing.new(batch.runs.first.steps)
        @height = 0
      end

      # @yieldparam draw [Proc] to be called after each change
      def show
        @out.print NO_CURSOR_NO_WRAP
        yield method(:draw)
      ensure
        @out.print CURSOR_AND_WRAP
      end

      private

      def draw
        rows, columns = size
        lines = frame(rows - 1, columns)
        text = lines.map { |line| "#{line}\e[K\n" }.join
        @out.print(@height.zero? ? text : "\e[#{@height}A#{text}\e[J")
        @out.flush
        @height = lines.size
      end

      def frame(rows, columns)
        timelines = Timelines.new(@batch, @ink, columns)
        head = [*@dag.lines { |name| @ink.paint(name, :bold, @ink.colour(state(name))) }, ""]
        lines = timelines.lines
        lines = few(timelines, rows - head.size - 2) if lines.size > rows - head.size - 2
        [*head, *lines, "", footer]
      end

      # As many as fit, those that are under way first.
      def few(timelines, rows)
        runs = @batch.runs.sort_by { |run| run.ended? ? 1 : 0 }
        return timelines.summaries(@batch.runs) if runs.size <= rows

        [*timelines.summaries(runs.first(rows - 1)), @ink.paint("… and #{runs.size - rows + 1} more", :dim)]
      end

      def footer
        ended = @batch.runs.count(&:ended?)
        @ink.paint(format("%.1f s · %d of %d orders ended · %d attempts", @batch.elapsed, ended, @batch.runs.size, @batch.runs.sum(&:attempts)), :dim)
      end

      def state(name)
        states = @batch.runs.map { |run| run.step(name)["state"] }
        WEIGHT.find { |state| states.include?(state) }
      end

      def size
        rows, columns = @out.winsize
        rows.zero? || columns.zero? ? [24, 80] : [rows, columns]
      rescue SystemCallError, NotImplementedError
        [24, 80]
      end
    end
  end
end
