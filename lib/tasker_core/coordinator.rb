# frozen_string_literal: true

module TaskerCore
  # Runs tasks on one database. Thread-safe. Coordinators of one database share a connection pool and all else that can be
  # shared, so they are cheap to make; a coordinator that is dropped is closed by the garbage collector, {#close} does it now.
  #
  # Methods take Hashes with String or Symbol keys, with braces or without, and return {Result}s, whose keys are Strings.
  class Coordinator
    # @param config [Hash] see {TaskerCore.create_coordinator_with_config}
    def initialize(config)
      HandlerThreads.stop_at_exit
      @handlers = HandlerRegistry.new
      @native = Native.open(config, @handlers)
    end

    # Makes a workflow known, under its namespace, name and version. To register the same again changes nothing.
    #
    # @param template [Hash, String, Pathname] the template itself, YAML text, or a YAML file
    # @return [Result] +namespace, name, version, template_id, step_count+
    # @raise [ValidationError] naming each key that is wrong, or +version+ if it was registered with other content
    def register_template(template)
      Result.new(@native.register_template(TemplateSource.read(template)))
    end

    # Makes a handler known in this process. A handler that is not registered is looked up as a Ruby constant by its name.
    #
    #   coordinator.register_handler("payments.charge", ChargeCard)
    #   coordinator.register_handler("payments.refund") { |context| { "refunded" => context.payload["amount"] } }
    #
    # @param name [String, Symbol]
    # @param handler [Class, #call, nil] a class gets a new instance for each attempt; anything else serves them all, at once
    # @yieldparam context [StepContext]
    # @return [String] the name
    def register_handler(name, handler = nil, &block)
      name = @handlers.add(name, handler || block)
      @native.add_handler(name)
      name
    end

    # Creates a task; nothing runs yet.
    #
    #   coordinator.initialize_task(namespace: "shop", task_name: "order", payload: { id: 7 }, idempotency_key: "order-7")
    #
    # @param request [Hash] +task_name+, and what else README.md lists
    # @param connection [java.sql.Connection, nil] writes the rows in the transaction of this connection
    # @return [Result] +task_id, step_count, status, errors, created+
    # @raise [ValidationError, TemplateNotFoundError, IdempotencyConflictError]
    def initialize_task(request = nil, connection: nil, **keys)
      Result.new(@native.initialize_task(with_keys(request, keys), connection))
    end

    # Creates many tasks in one transaction: all or none.
    #
    # @param requests [Array<Hash>]
    # @param connection [java.sql.Connection, nil] as in {#initialize_task}
    # @return [Array<Result>] in the same order
    def initialize_tasks(requests, connection: nil)
      @native.initialize_tasks(requests, connection).map { |created| Result.new(created) }
    end

    # Runs a task in this process, until it has ended, the rest needs a handler that is missing here, or time is up.
    #
    # @param task_id [Integer]
    # @param timeout_ms [Numeric, nil] nil: as long as it takes. Handlers that run at the deadline go on and are recorded.
    # @return [Result] +task_id, status, execution_status, steps_executed, completed_steps, failed_steps, total_steps,
    #   duration_ms, next_run_at+
    # @raise [TaskNotFoundError]
    def orchestrate_task(task_id, timeout_ms: nil)
      Result.new(@native.orchestrate_task(task_id, timeout_ms))
    end

    # Creates a task, unless given the id of one, and runs it.
    #
    # @param request_or_id [Hash, Integer]
    # @param connection [java.sql.Connection, nil] as in {#initialize_task}; its transaction must be committed for the task to run
    # @return [Result] as {#orchestrate_task}, and +created+
    def handle_task(request_or_id = nil, connection: nil, **keys)
      return handle_existing(request_or_id) if request_or_id.is_a?(Integer)

      created = initialize_task(request_or_id, connection: connection, **keys)
      Result.new(orchestrate_task(created["task_id"]).to_h.merge("created" => created["created"]))
    end

    # Everything about a task.
    #
    # @param task_id [Integer]
    # @return [Result] the task with its counts, +steps+ and +transitions+
    # @raise [TaskNotFoundError]
    def task_context(task_id) = Result.new(@native.task_context(task_id))

    # Tasks by +namespace, name, status, tag+ and time, in pages.
    #
    # @param filter [Hash]
    # @return [Result] +tasks+, and +next_cursor+ for the filter's +cursor+
    def list_tasks(filter = {}, **keys) = Result.new(@native.list_tasks(with_keys(filter, keys)))

    # Ends a task: what has not run never will, what runs is interrupted.
    #
    # @param task_id [Integer]
    # @param reason [String]
    # @return [Result] +task_id, step_id, state+
    # @raise [StateError] if it has ended otherwise
    def cancel_task(task_id, reason:) = Result.new(@native.cancel_task(task_id, reason))

    # Grants a failed step one attempt more and brings its task back to life.
    #
    # @param step_id [Integer]
    # @return [Result] +task_id, step_id, state+
    # @raise [StepNotFoundError, StateError]
    def retry_step(step_id) = Result.new(@native.retry_step(step_id))

    # Declares a step done by hand, so that its children may run.
    #
    # @param step_id [Integer]
    # @param reason [String]
    # @param result [Hash, nil] what the children read
    # @return [Result] +task_id, step_id, state+
    # @raise [StepNotFoundError, StateError]
    def resolve_step(step_id, reason:, result: nil) = Result.new(@native.resolve_step(step_id, reason, result))

    # Declares a task done by hand; what is unfinished of it is cancelled.
    #
    # @param task_id [Integer]
    # @param reason [String]
    # @return [Result] +task_id, step_id, state+
    def resolve_task(task_id, reason:) = Result.new(@native.resolve_task(task_id, reason))

    # Why the unfinished steps of a task wait.
    #
    # @param task_id [Integer]
    # @return [Result] +steps+, each with +name, state, reason, detail, next_look_at+
    def explain(task_id) = Result.new(@native.explain(task_id))

    # Ends this coordinator; handlers that run are interrupted. To close it again does nothing, to use it raises {ClosedError}.
    #
    # @return [nil]
    def close = @native.close

    # @return [Boolean]
    def closed? = @native.closed?

    # @return [String]
    def inspect = "#<#{self.class.name} #{closed? ? 'closed' : 'open'}>"

    private

    def handle_existing(task_id) = Result.new(orchestrate_task(task_id).to_h.merge("created" => false))

    # One Hash from a positional one and keywords.
    def with_keys(hash, keys)
      return keys if hash.nil? && !keys.empty?
      return hash if keys.empty? || !hash.is_a?(Hash)

      hash.merge(keys)
    end
  end
end
