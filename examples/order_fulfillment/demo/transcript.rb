# frozen_string_literal: true

require_relative "dag_drawing"
require_relative "timelines"

module Fulfillment
  module Demo
    # The run as it happens, for where a terminal can't be drawn upon: a line for each change, and the picture at the end.
    class Transcript
      WIDTH = 100

      def initialize(batch, ink, out)
        @batch = batch
        @ink = ink
        @out = out
        @told = Hash.new(0)
      end

      # @yieldparam tell [Proc] to be called after each change
      def show
        @out.puts DagDrawing.new(@batch.runs.first.steps).lines, ""
        yield method(:tell)
        @out.puts "", Timelines.new(@batch, @ink, WIDTH).lines
      end

      private

      def tell
        news = @batch.runs.flat_map { |run| news_of(run) }
        news.sort_by { |change, _| change["at"] }.each { |change, run| @out.puts line(change, run) }
        @out.flush
      end

      def news_of(run)
        fresh = run.transitions.drop(@told[run])
        @told[run] += fresh.size
        fresh.map { |change| [change, run] }
      end

      def line(change, run)
        seconds = Time.iso8601(change["at"]) - @batch.started_at
        format("%7.2f s  %s  %-17s  %s", seconds, run.order_id, change["step_name"] || "(the task)", what(change))
      end

      def what(change)
        said = [change["to_state"].tr("_", " ")]
        said << "attempt #{change['attempt']}" if change["attempt"]
        said << change["reason"] if change["reason"]
        said.join(", ")
      end
    end
  end
end
