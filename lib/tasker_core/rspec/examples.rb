# frozen_string_literal: true

module TaskerCore
  module RSpec
    # What examples with +:tasker_core+ can do.
    #
    # Time is the core's and the database's, not Ruby's: +Time.now+ stays as it is. When a workflow that an example runs
    # has nothing to do but wait, for a retry or for its +run_at+, that time passes at once.
    module Examples
      # The example's own coordinator; {TaskerCore.coordinator} is the same one.
      #
      # @return [Coordinator]
      def tasker = Session.current!.coordinator

      # Creates a task and runs it to its end.
      #
      #   run_workflow("process_order", namespace: "fulfillment", payload: { order_id: 7 })
      #   run_workflow(OrderFulfillment, payload: { order_id: 7 })     # a TaskHandler
      #
      # @param workflow [String, Symbol, Class, nil] a template's name, or a {TaskHandler}; nil if the request has
      #   +task_name+
      # @param timeout [Numeric, nil] seconds of the tasks' time, after which to return whatever the state; nil: return
      #   at the end
      # @param request what {Coordinator#initialize_task} takes
      # @return [WorkflowRun]
      def run_workflow(workflow = nil, timeout: nil, **request) = run_task(start_workflow_now(workflow, request), timeout: timeout)

      # Goes on with a task that was created before, for instance by the code under test.
      #
      # @param task [Integer, Result, WorkflowRun] its id, or an object that has its id
      # @param timeout [Numeric, nil] as in {#run_workflow}
      # @return [WorkflowRun]
      def run_task(task, timeout: nil)
        session = Session.current!
        task_id = WorkflowRun.id_of(task)
        outcome = session.coordinator.orchestrate_task(task_id, timeout_ms: timeout && (timeout.to_f * 1_000))
        session.journal.raise_failed_expectation
        WorkflowRun.new(session, task_id, outcome)
      end

      # Runs all tasks that were created in this example and have not ended, in the order of their creation, and the
      # tasks that they create.
      #
      # @return [Array<WorkflowRun>]
      def run_tasks
        session = Session.current!
        seen = []
        ran = []
        until (task_ids = session.journal.task_ids - seen).empty?
          seen << task_ids.first
          ran.concat(session.existing(seen.last(1)).reject(&:ended?).map { |run| run_task(run) })
        end
        ran
      end

      # The tasks that this example, and the code under it, have created so far.
      #
      # @param name [String, Symbol, nil] only tasks of this workflow
      # @return [Array<WorkflowRun>] in the order of their creation
      def created_tasks(name = nil)
        runs = Session.current!.tasks
        name ? runs.select { |run| run.context["name"] == name.to_s } : runs
      end

      # Replaces a handler by a block, or by a fixed result. This also works for a class that the template names.
      #
      #   stub_handler("ProcessPayment", "charge_id" => "ch_7")
      #   stub_handler(ProcessPayment) { |context| context.retry? ? { "charge_id" => "ch_7" } : raise(Gateway::Busy) }
      #
      # @param handler [String, Symbol, Class] the name in the template
      # @param result [Hash]
      # @yieldparam context [StepContext]
      # @return [String] the name
      def stub_handler(handler, result = {}, **pairs, &block)
        result = result.merge(pairs)
        tasker.register_handler(handler.is_a?(Class) ? handler.name : handler, block || proc { result })
      end

      # Makes one attempt at one step, as the core makes it: the payload, the results of other steps and the step's own
      # result go through JSON, time-outs interrupt, and a failure becomes the step's error.
      #
      #   charged = run_step(ProcessPayment, payload: { amount: 12 }, results: { validate_order: { customer: 7 } })
      #   expect(charged).to have_completed.with_result("charge_id" => "ch_7")
      #
      #   expect(run_step(ProcessPayment, payload: { amount: 12 }, attempt: 3)).to have_failed.with_error(code: "declined")
      #
      # @param handler [Class, #call, String, nil] a class, an object, or the name of either; or a block instead
      # @param payload [Hash] the task's payload
      # @param results [Hash] the results of the steps that it depends on, by their names
      # @param config [Hash] the step's +config+
      # @param attempt [Integer] the number of the attempt; the attempts before it have failed
      # @param max_attempts [Integer, nil] nil: 3, or the number of the +attempt+ if that is more
      # @param retry_policy [Hash] the step's +retry+
      # @param timeout_ms [Integer, nil] the step's
      # @param step_name [String, Symbol]
      # @param request further keys of the task's request: +namespace, task_name, correlation_id, tags+ …
      # @return [StepRun]
      def run_step(handler = nil, payload: {}, results: {}, config: {}, attempt: 1, max_attempts: nil, retry_policy: {}, # rubocop:disable Metrics/ParameterLists
                   timeout_ms: nil, step_name: "step", **request, &block)
        session = Session.current!
        rehearsal = Rehearsal.new(
          session, handler_of(session, handler || block),
          attempt: attempt, retry_policy: retry_policy, max_attempts: max_attempts, results: results, step_name: step_name
        )
        step = { config: config, timeout_ms: timeout_ms }.compact
        ran = rehearsal.run(step, { task_name: "run_step", payload: payload }.merge(request.transform_keys(&:to_sym)))
        session.journal.raise_failed_expectation
        ran
      end

      # Lets time pass. If a handler calls this, the handler takes that long: if its time is up, it is interrupted.
      #
      #   pass_time(3600)          # ActiveSupport: pass_time(1.hour)
      #
      # Steps that become due are run by whatever runs the task: {#run_task}, or a worker that the example has started.
      #
      # @param seconds [Numeric]
      # @return [Time] what time it is then
      def pass_time(seconds)
        Session.current!.pass(seconds)
        workflow_time
      end

      # @return [Time] what time it is for tasks, ahead of real time by the time that was let pass
      def workflow_time = Session.current!.stage.now

      private

      def start_workflow_now(workflow, request)
        return tasker.initialize_task(**request) if workflow.nil?
        return tasker.initialize_task(workflow, **request) if workflow.is_a?(Hash)
        return tasker.initialize_task(**request, task_name: workflow) unless workflow.is_a?(Class)

        payload = request.delete(:payload) || {}
        workflow.new(tasker).initialize_task(payload, **request)
      end

      def handler_of(session, handler)
        raise ArgumentError, "run_step takes a handler or a block" if handler.nil?
        return handler unless handler.is_a?(String) || handler.is_a?(Symbol)

        session.handlers.named(handler.to_s) || raise(ArgumentError, "there is no handler #{handler}")
      end
    end
  end
end
