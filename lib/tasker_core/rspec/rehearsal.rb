# frozen_string_literal: true

module TaskerCore
  module RSpec
    # One attempt at one step, made by the core itself, in a task with that step and one finished parent for each
    # result.
    #
    # @api private
    class Rehearsal
      # Fails in the attempts before the one that was asked for, then acts as the real handler.
      class StandIn
        def initialize(handler, attempt)
          @handler = handler
          @attempt = attempt
        end

        def call(context)
          raise RetryableError, "an attempt before the one that run_step is about" if context.attempt < @attempt

          (@handler.is_a?(Class) ? @handler.new : @handler).call(context)
        end
      end
      private_constant :StandIn

      DEFAULT_MAX_ATTEMPTS = 3
      private_constant :DEFAULT_MAX_ATTEMPTS

      def initialize(session, handler, attempt:, retry_policy:, max_attempts:, results:, step_name:)
        @session = session
        @coordinator = session.coordinator
        @handler = handler
        @attempt = attempt
        @retry = { max_attempts: max_attempts || [attempt, DEFAULT_MAX_ATTEMPTS].max }.merge(retry_policy.transform_keys(&:to_sym))
        @results = results.transform_keys(&:to_s)
        @step_name = step_name.to_s
      end

      # @param step [Hash] further keys of the step in the template
      # @param request [Hash] further keys of the request; +namespace+ and +task_name+ are the template's
      # @return [StepRun]
      def run(step, request)
        task_id = create(step, request)
        steps = @coordinator.task_context(task_id)["steps"]
        @results.each { |name, result| @coordinator.resolve_step(id_of(steps, name), reason: "run_step", result: result) }
        execute(id_of(steps, @step_name))
        StepRun.new(@session, task_id, @step_name)
      end

      private

      def id_of(steps, name) = steps.find { |step| step["name"] == name }["step_id"]

      def create(step, request)
        handler = @coordinator.register_handler("run_step.#{object_id}", StandIn.new(@handler, @attempt))
        parents = @results.keys.map { |name| { name: name, handler: "run_step.parent" } }
        own = { name: @step_name, handler: handler, depends_on: @results.keys, retry: @retry }.merge(step)
        version = "0.0.0-run-step.#{object_id}"
        @session.native.register_aside(
          namespace: request[:namespace], name: request[:task_name], version: version, steps: [*parents, own]
        )
        task_id = @coordinator.initialize_task(request.merge(version: version)).task_id
        @session.journal.not_created(task_id)
        task_id
      end

      # Executes the step as often as was asked for, each time when it may run again.
      def execute(step_id)
        due = nil
        @attempt.times do
          @session.pass_until(Time.iso8601(due)) if due
          @session.journal.forget(step_id) # the stand-in's own exception
          due = @coordinator.execute_step("step_id" => step_id)["next_run_at"]
        end
      end
    end
  end
end
