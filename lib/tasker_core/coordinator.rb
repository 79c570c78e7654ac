# frozen_string_literal: true

module TaskerCore
  # Runs tasks on one database. Thread-safe. Coordinators of one database share a connection pool and everything else
  # that can be shared, so they are cheap to make. The garbage collector closes a coordinator that is dropped; {#close}
  # closes it at once.
  #
  # Methods take Hashes with String or Symbol keys, with braces or without, and return {Result}s, whose keys are
  # Strings.
  class Coordinator
    # @param config [Hash] see {TaskerCore.create_coordinator_with_config}
    # @param handlers [HandlerRegistry] for the library's own use, as is the block
    # @yieldparam handlers [HandlerRegistry] the block makes another native handle than the usual one
    def initialize(config, handlers: HandlerRegistry.new)
      HandlerThreads.stop_at_exit
      @handlers = handlers
      @registered = {}.freeze
      @native = block_given? ? yield(handlers) : Native.open(config, handlers, made_at)
    end

    # Makes a workflow known, under its namespace, name and version. Registering the same content again changes nothing.
    #
    # @param template [Hash, String, Pathname] the template itself, YAML text, or a YAML file
    # @return [Result] +namespace, name, version, template_id, step_count+
    # @raise [ValidationError] naming each key that is wrong, or +version+ if it was registered with other content
    def register_template(template)
      Result.new(@native.register_template(TemplateSource.read(template)))
    end

    # Makes a handler known in this process. A handler that is not registered is looked up by its name as a Ruby
    # constant.
    #
    #   coordinator.register_handler("payments.charge", ChargeCard)
    #   coordinator.register_handler("payments.refund") { |context| { "refunded" => context.payload["amount"] } }
    #
    # @param name [String, Symbol]
    # @param handler [Class, #call, nil] a class gets a new instance for each attempt; any other object serves all
    #   attempts, at the same time
    # @yieldparam context [StepContext]
    # @return [String] the name
    def register_handler(name, handler = nil, &block)
      name = @handlers.add(name, handler || block) unless closed? # if it is closed, the next line raises
      @native.add_handler(name)
      name
    end

    # Creates a task; nothing runs yet.
    #
    #   coordinator.initialize_task(namespace: "shop", task_name: "order", payload: { id: 7 }, idempotency_key: "order-7")
    #
    # @param request [Hash] +task_name+, and the other keys that docs/manual.md lists
    # @param connection [java.sql.Connection, #raw_connection, Sequel::Database, nil] writes the rows in the transaction
    #   of this connection, ActiveRecord's or Sequel's for instance: a rollback leaves nothing, and workers hear of the
    #   task after the commit. Outside of a transaction, the call is a transaction of its own.
    # @return [Result] +task_id, step_count, status, errors, created+
    # @raise [ValidationError, TemplateNotFoundError, IdempotencyConflictError]
    def initialize_task(request = nil, connection: nil, **keys)
      request = with_keys(request, keys)
      CallersConnection.open(connection) { |jdbc| Result.new(@native.initialize_task(request, jdbc)) }
    end

    # Creates many tasks in one transaction: all or none.
    #
    # @param requests [Array<Hash>]
    # @param connection [Object, nil] as in {#initialize_task}
    # @return [Array<Result>] in the same order
    def initialize_tasks(requests, connection: nil)
      CallersConnection.open(connection) { |jdbc| @native.initialize_tasks(requests, jdbc).map { |created| Result.new(created) } }
    end

    # Runs a task in this process, until it has ended, all that is left needs a handler that is missing here, or time is
    # up.
    #
    # @param task_id [Integer]
    # @param timeout_ms [Numeric, nil] nil: as long as it takes. Handlers that run at the deadline go on and are recorded.
    # @return [Result] +task_id, status, execution_status, steps_executed, completed_steps, failed_steps, total_steps,
    #   duration_ms, next_run_at+
    # @raise [TaskNotFoundError]
    def orchestrate_task(task_id, timeout_ms: nil)
      Result.new(@native.orchestrate_task(task_id, timeout_ms))
    end

    # Creates a task, unless given the id of one, and runs it. One transaction creates the task and begins its first
    # steps.
    #
    # @param request_or_id [Hash, Integer]
    # @param connection [Object, nil] as in {#initialize_task}, with no transaction under way: a task that is not
    #   committed cannot run
    # @param timeout_ms [Numeric, nil] as in {#orchestrate_task}
    # @return [Result] as {#orchestrate_task}, and +created+
    # @raise [InvalidTypeError] for other keys beside an id, because those belong to a request
    # @raise [StateError] for a connection in a transaction; nothing is created then
    def handle_task(request_or_id = nil, connection: nil, timeout_ms: nil, **keys)
      return handle_existing(request_or_id, connection, timeout_ms, keys) if Integer === request_or_id
      return Result.new(@native.handle_task(with_keys(request_or_id, keys), timeout_ms)) if NilClass === connection

      created = CallersConnection.open(connection) do |jdbc|
        @native.refuse_transaction(jdbc)
        initialize_task(request_or_id, connection: jdbc, **keys)
      end
      Result.new(orchestrate_task(created["task_id"], timeout_ms: timeout_ms).to_h.merge("created" => created["created"]))
    end

    # {#orchestrate_task} for callers who would rather have errors returned than rescue them.
    #
    # @param task_id [Integer]
    # @param timeout_ms [Numeric, nil]
    # @return [Result] +success+ (true) and +data+, or +success+ (false), +error_type+, +error_message+ and +error_context+, see
    #   {Error#error_type} and {Error#error_context}
    def orchestrate_with_errors(task_id, timeout_ms: nil)
      Result.new("success" => true, "data" => orchestrate_task(task_id, timeout_ms: timeout_ms).to_h)
    rescue Error => e
      about = Integer === task_id ? { "task_id" => task_id } : {}
      Result.new("success" => false, "error_type" => e.error_type, "error_message" => e.message,
                 "error_context" => about.merge(e.error_context))
    end

    # Runs one step that may run now, and waits for its outcome. Its children are left to those who work on the task.
    #
    #   coordinator.execute_step("step_id" => 458_753)
    #   coordinator.execute_step(coordinator.task_context(7)["steps"].first)
    #   coordinator.execute_step(task_id: 7, step: "charge")
    #
    # @param step [Hash] its +step_id+; other keys do not matter, so a step of a {#task_context} can be given. Or its +task_id+ and its
    #   name, +step+
    # @return [Result] the step as it is now: +task_id, step_id, name, handler, state, task_status, attempts, max_attempts, result,
    #   error, next_run_at, started_at, completed_at+, and how long it took from its claim to its end, +duration_ms+
    # @raise [StepNotFoundError]
    # @raise [StateError] if it cannot run now: its parents are not done, its time has not come, it runs elsewhere, it has ended,
    #   or its handler is missing here; the message says which
    def execute_step(step = nil, **keys)
      return execute_step(step_id: step_of(keys[:step_id], keys[:task_id], keys[:step])) if NilClass === step && keys.key?(:step)

      Result.new(@native.execute_step(with_keys(step, keys)))
    end

    # Starts to work through every task whose steps may run and whose handlers are at hand, on threads in the background.
    #
    # @param options [Hash] +namespaces+: the namespaces whose steps it runs (an Array of names; the coordinator's,
    #   unless given)
    # @return [Worker]
    # @raise [ValidationError] for an option that does not exist, or whose value is not allowed
    def start_worker(options = {}, **keys) = Worker.new(@native.start_worker(with_keys(options, keys)))

    # Changes settings while they are in use: those that {Configuration.keys} calls +reconfigurable+. What runs goes on
    # as it began. The other settings need a new coordinator.
    #
    #   coordinator.reconfigure(max_parallel_steps: 20)
    #
    # @param changes [Hash] keys and their new values; +nil+ gives a key its default again
    # @return [Result] all settings that can be changed like this, as they are now
    # @raise [ConfigurationError] naming each key that cannot be changed or whose value is not allowed; then none is
    #   changed
    def reconfigure(changes = nil, **keys) = Result.new(@native.reconfigure(with_keys(changes, keys)))

    # Whether this process can do its work. It takes no longer than a second or so, whatever state the database is in.
    #
    # @return [Result] +status+ (+ok+, +degraded+, +down+), +reasons+ (an Array of sentences), and what was found:
    #   +connection_mode+, +database+ (+reachable, latency_ms, read_only, clock_ahead_ms+), +pool+ (+size, max_size,
    #   active, idle, waiting+), +lease+ (+renewed_ms_ago, lease_ms+; nil before the first claim), +listener+
    #   (+connected+, +lost+; nil without a worker), +workers+
    def health = Result.new(@native.health)

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

    # Ends a task: steps that have not run never will, and steps that run are interrupted.
    #
    # @param task_id [Integer]
    # @param reason [String]
    # @return [Result] +task_id, step_id, state+
    # @raise [StateError] if it has already ended, other than in error
    def cancel_task(task_id, reason:) = Result.new(@native.cancel_task(task_id, reason))

    # Grants a failed step one more attempt and brings its task back to life.
    #
    #   coordinator.retry_step(step_id)
    #   coordinator.retry_step(task_id: 7, step: "charge")
    #
    # @param step_id [Integer, nil]
    # @param task_id [Integer, nil] the step's task, where the step is given by its name
    # @param step [String, Symbol, nil] the step's name
    # @return [Result] +task_id, step_id, state+
    # @raise [StepNotFoundError, StateError]
    def retry_step(step_id = nil, task_id: nil, step: nil) = Result.new(@native.retry_step(step_of(step_id, task_id, step)))

    # Grants all failed steps of a task one more attempt, in one transaction.
    #
    # @param task_id [Integer]
    # @return [Result] +task_id, step_ids+
    # @raise [TaskNotFoundError]
    # @raise [StateError] if the task has no step in error
    def retry_task(task_id) = Result.new(@native.retry_task(task_id))

    # {#retry_task} for all tasks in error that match, each in a transaction of its own. What changes meanwhile is passed over, so that
    # a call that was interrupted can be made again.
    #
    #   coordinator.retry_tasks(namespace: "billing", created_after: "2030-01-31T00:00:00Z")
    #
    # @param filter [Hash] +namespace, name, tag, created_after, created_before+, as of {#list_tasks}; none: all tasks in error
    # @return [Result] how many +tasks+ and +steps+ were retried
    def retry_tasks(filter = {}, **keys) = Result.new(@native.retry_tasks(with_keys(filter, keys)))

    # Declares a step done by hand, so that its children may run.
    #
    # @param step_id [Integer, nil]
    # @param task_id [Integer, nil] the step's task, where the step is given by its name
    # @param step [String, Symbol, nil] the step's name
    # @param reason [String]
    # @param result [Hash, nil] what the children read
    # @return [Result] +task_id, step_id, state+
    # @raise [StepNotFoundError, StateError]
    def resolve_step(step_id = nil, reason:, task_id: nil, step: nil, result: nil)
      Result.new(@native.resolve_step(step_of(step_id, task_id, step), reason, result))
    end

    # Declares a task done by hand; what is unfinished of it is cancelled.
    #
    # @param task_id [Integer]
    # @param reason [String]
    # @return [Result] +task_id, step_id, state+
    def resolve_task(task_id, reason:) = Result.new(@native.resolve_task(task_id, reason))

    # Why the unfinished steps of a task wait, and what there is to be said of the task itself.
    #
    # @param task_id [Integer]
    # @return [Result] +task_id, status, detail+ (how the task has ended, and which steps have failed for good; else nil) and +steps+,
    #   each with +step_id, name, state, handler, reason, detail, next_look_at+
    def explain(task_id)
      explanation = @native.explain(task_id)
      explanation["steps"].each { |step| add_hint(step) if step["reason"] == HANDLER_IS_MISSING }
      Result.new(explanation)
    end

    # Passes an event of the application on to everybody in this process who listens on this database.
    #
    #   coordinator.publish_event(name: "order.refunded", task_id: 7, data: { amount: 12 })
    #
    # @param event [Hash] +name+, words joined by dots; what the event is about: +task_id, step_id, task_name,
    #   namespace, step_name, attempt, correlation_id+; and +data+, a Hash
    # @return [Result] the event as subscribers get it
    # @raise [ValidationError] also for names that begin with +task.+ or +step.+, as the core's own events do
    def publish_event(event = nil, **keys) = Result.new(@native.publish_event(with_keys(event, keys)))

    # Calls the block for each event that matches: the core's, for what this process commits on this database, and the
    # application's. docs/events.md lists them.
    #
    #   coordinator.subscribe("task.*") { |event| Metrics.count(event.name, task: event.task_name) }
    #
    # The block runs on a thread of its own, for one event after another, those of one task in their order; what it
    # raises is logged. If it is slow, +event_queue_size+ events wait for it, and further ones are dropped and counted.
    #
    # @param pattern [String] +"*"+, words and a star such as +"task.*"+, or a whole name
    # @yieldparam event [Result] +name, task_id, step_id, task_name, namespace, step_name, from_state, to_state, attempt,
    #   correlation_id, at, data+
    # @return [Subscription] for {#unsubscribe}; it need not be kept
    def subscribe(pattern, &block) = Subscription.new(@native.subscribe(pattern, block))

    # Ends a subscription; events that are queued for it are forgotten. If the block is running, it runs to its end.
    #
    # @param subscription [Subscription]
    # @return [Boolean] false if it is not, or no longer, a subscription of this coordinator
    def unsubscribe(subscription)
      @native.unsubscribe(Subscription === subscription ? subscription.native : subscription)
    end

    # What this coordinator has done, and the state of its database. docs/metrics.md says what each figure means.
    #
    # @return [Result] +tasks_per_second, steps_per_second, average_completion_time_ms, error_rate, active_tasks, queue_wait_ms,
    #   handler_time_ms, overhead_ms, pool, claims, retries, crashes, bridge_calls, bridge_nanoseconds+ and others
    def performance_metrics = Result.new(@native.performance_metrics)

    # Registers templates unless they were registered here before, and yields. If the database no longer has one of them
    # (it was emptied or restored, or has failed over), all are registered again and the block is called again.
    #
    # @api private
    # @param templates [Hash{String, Class => Hash}] by their owners; for each owner the last one is remembered. They
    #   must be the very same objects each time
    # @yieldparam registered [Array<Result>] as {#register_template}, in the same order
    # @return what the block returns
    # @raise [TemplateNotFoundError] if the block raises it although the templates were registered just now
    def with_registered(templates)
      known = templates.map { |owner, template| remembered(owner, template) }
      yield known.all? ? known : register(templates)
    rescue TemplateNotFoundError
      raise unless known&.all?

      yield register(templates)
    end

    # Whether this coordinator's workers were told to take no more, or it was closed. A handler that takes long may then
    # break off its work at a good place.
    #
    # @return [Boolean] false as long as one of its workers is +running+, and if it has none
    def stopping? = @native.stopping?

    # Ends this coordinator and its workers. Handlers that run may end by themselves within +shutdown_timeout_ms+; then
    # they are interrupted and their steps given back. Closing it again does nothing; using it raises {ClosedError}. If
    # one of its own handlers calls this, the call does not wait, because the handler would wait for itself: the
    # coordinator ends in the background.
    #
    # @return [nil]
    def close = @native.close

    # @return [Boolean]
    def closed? = @native.closed?

    # @return [String]
    def inspect = "#<#{self.class.name} #{closed? ? 'closed' : 'open'}>"

    private

    def remembered(owner, template)
      known, registered = @registered[owner]
      registered if known.equal?(template)
    end

    def register(templates)
      templates.map do |owner, template|
        register_template(template).tap { |anew| @registered = @registered.merge(owner => [template, anew]).freeze }
      end
    end

    # The library has few frames of its own, so the rest of the stack is not looked at.
    FRAMES = 8
    private_constant :FRAMES

    # @return [String] the line of the application that makes this coordinator
    def made_at
      place = caller_locations(2, FRAMES)&.find { |frame| !frame.path.to_s.start_with?(LIBRARY_PATH) }
      place ? "#{place.path}:#{place.lineno}" : "an unknown place"
    end

    HANDLER_IS_MISSING = "no_live_worker_has_handler"
    private_constant :HANDLER_IS_MISSING

    # Adds what only Ruby can know: whether another handler was meant, one that exists.
    def add_hint(step)
      hint = @handlers.hint(step["handler"])
      step["detail"] = "#{step['detail']}; #{hint}" if hint
    end

    def handle_existing(task_id, connection, timeout_ms, keys)
      Native.refuse_type("request_or_id", "a Hash, where keys of a request are given", task_id) unless keys.empty?
      CallersConnection.open(connection) { |jdbc| @native.refuse_transaction(jdbc) } unless NilClass === connection
      Result.new(orchestrate_task(task_id, timeout_ms: timeout_ms).to_h.merge("created" => false))
    end

    # A step by its id, or by its task and its name.
    def step_of(step_id, task_id, step)
      return step_id if NilClass === task_id && NilClass === step
      return @native.step_id(task_id, step) if NilClass === step_id

      Native.refuse_type("step_id", "nil, where task_id and step are given", step_id)
    end

    # One Hash from a positional one and keywords. An argument may be anything, even a BasicObject, so none of its
    # methods is called.
    def with_keys(hash, keys)
      case hash
      when Result then with_keys(hash.to_h, keys)
      when NilClass then keys.empty? ? nil : keys
      when Hash then keys.empty? ? hash : {}.merge(hash, keys)
      else hash
      end
    end
  end
end
