# frozen_string_literal: true

module TaskerCore
  module RSpec
    # A task as an example sees it. Each question is answered anew, by {Coordinator#task_context}.
    class WorkflowRun
      ENDED = %w[complete error cancelled resolved_manually].freeze
      private_constant :ENDED

      class << self
        # @param task [Integer, Result, Hash, WorkflowRun]
        # @return [Integer]
        # @raise [ArgumentError] for an object without a task's id
        def id_of(task)
          case task
          when Integer then task
          when WorkflowRun then task.task_id
          when Result, Hash then task["task_id"] || task[:task_id] || refuse(task)
          else refuse(task)
          end
        end

        # @api private
        # @return [WorkflowRun] the task itself, in whatever form it was given
        def of(task) = task.is_a?(WorkflowRun) ? task : new(Session.current!, id_of(task))

        private

        def refuse(task)
          raise ArgumentError, "expected a task: what run_workflow or initialize_task returned, or a task's id, not #{task.inspect}"
        end
      end

      # @return [Integer]
      attr_reader :task_id

      # @return [Result, nil] what {Coordinator#orchestrate_task} returned, of a task that the example ran
      attr_reader :outcome

      # @api private
      def initialize(session, task_id, outcome = nil)
        @session = session
        @task_id = task_id
        @outcome = outcome
      end

      # @return [Result] as {Coordinator#task_context} has it
      def context = @session.coordinator.task_context(task_id)

      # @api private
      def ended? = ENDED.include?(status)

      # @api private
      def exist?
        context
        true
      rescue TaskNotFoundError
        false
      end

      # @return [Result] as {Coordinator#explain} has it
      def explanation = @session.coordinator.explain(task_id)

      # @return [String]
      def status = context["status"]

      # @return [String]
      def execution_status = context["execution_status"]

      # @return [Array<Hash>]
      def steps = context["steps"]

      # @param name [String, Symbol]
      # @return [Hash] the step, as the task's context has it
      # @raise [KeyError] naming the steps that there are
      def step(name)
        all = steps
        all.find { |step| step["name"] == name.to_s } ||
          raise(KeyError, "task #{task_id} has no step #{name}, only #{all.map { |step| step['name'] }.join(', ')}")
      end

      # @param name [String, Symbol]
      # @return [Hash, nil] the step's result
      def result_of(name) = step(name)["result"]

      # @param name [String, Symbol]
      # @return [Exception, nil] the very exception that the step's handler raised last, with its whole backtrace
      def exception_of(name) = @session.journal.exception_of(step(name)["step_id"])

      # @return [String] the task and each of its steps
      def report = Report.of(self)

      # @return [String]
      def inspect = "#<#{self.class.name} task #{task_id}, #{status}>"
    end
  end
end
