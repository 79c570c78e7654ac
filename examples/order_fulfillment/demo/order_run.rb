# frozen_string_literal: true

require "time"

module Fulfillment
  module Demo
    # One order on its way, as the last look at its task context showed it.
    class OrderRun
      # A stretch of a step's time: an attempt that ran, or a wait for the next one. +to+ is nil while it lasts.
      Span = Struct.new(:kind, :from, :to)

      attr_reader :request, :expected_status, :task_id, :context

      # @param expected_status [String] in which the task ought to end
      def initialize(request, expected_status, task_id)
        @request = request
        @expected_status = expected_status
        @task_id = task_id
      end

      def look(coordinator)
        @context = coordinator.task_context(task_id)
        self
      end

      def order = context["payload"]

      def order_id = request.dig(:payload, :order_id)

      def status = context["status"]

      def ended? = !context["completed_at"].nil?

      def as_expected? = status == expected_status

      def steps = context["steps"]

      def step(name) = steps.find { |step| step["name"] == name }

      def transitions = context["transitions"]

      def created_at = Time.iso8601(context["created_at"])

      def completed_at = ended? ? Time.iso8601(context["completed_at"]) : nil

      def attempts = steps.sum { |step| step["attempts"] }

      # @return [Array<Span>] a step's attempts and waits, in order
      def spans(step)
        transitions.select { |change| change["step_id"] == step["step_id"] }.each_with_object([]) do |change, spans|
          at = Time.iso8601(change["at"])
          spans.last.to = at if spans.any? && spans.last.to.nil?
          case change["to_state"]
          when "in_progress" then spans << Span.new(:attempt, at)
          when "waiting_for_retry" then spans << Span.new(:wait, at)
          end
        end
      end

      # @return [Float] seconds from the first attempt's start to the last one's end
      def seconds(spans, now)
        spans.empty? ? 0.0 : (spans.last.to || now) - spans.first.from
      end

      # @return [Float] seconds of waiting for retries
      def waited(spans, now) = spans.select { |span| span.kind == :wait }.sum { |span| (span.to || now) - span.from }
    end
  end
end
