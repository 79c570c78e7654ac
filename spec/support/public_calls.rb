# frozen_string_literal: true

# Every public method of the library at every position that takes an argument, with good ones at the others.
#
#   PublicCalls.new(coordinator, url).to_h.each { |name, call| call.(anything) }
class PublicCalls
  TEMPLATE = { name: "plain", version: "1.0.0", steps: [{ name: "a", handler: "plain" }] }.freeze
  TEMPLATE_KEYS = %i[namespace name version steps input_schema defaults environments on_step_failure].freeze
  STEP_KEYS = %i[name handler depends_on config retry timeout_ms max_crashes].freeze
  RETRY_KEYS = %i[max_attempts backoff base_ms max_ms jitter retryable].freeze
  REQUEST_KEYS = %i[namespace task_name version payload priority idempotency_key correlation_id run_at tags initiator reason].freeze
  FILTER_KEYS = %i[namespace name status tag created_after created_before limit cursor].freeze
  EVENT_KEYS = %i[name task_id step_id task_name namespace step_name attempt correlation_id data].freeze

  # @param coordinator [TaskerCore::Coordinator] whose database has the template, and its handler
  # @param url [String] of that database
  def initialize(coordinator, url)
    @coordinator = coordinator
    @url = url
    @done = coordinator.handle_task(task_name: "plain").task_id
    @worker = coordinator.start_worker.tap(&:stop)
    @workflow = Class.new(TaskerCore::TaskHandler) { template(TEMPLATE) }
    @serial = 0
  end

  # @return [Hash{String => Proc}]
  def to_h
    { **module_calls, **configuration_calls, **template_calls, **task_calls, **operator_calls, **event_calls, **worker_calls }
  end

  private

  attr_reader :coordinator, :url

  # A Hash with a key that need not have a hash.
  def keyed(key, others = {}) = {}.compare_by_identity.merge!(others).tap { |hash| hash[key] = 1 }

  def module_calls
    {
      "create_coordinator(_)" => ->(v) { TaskerCore.create_coordinator(v).close },
      "create_coordinator_with_config(_)" => ->(v) { TaskerCore.create_coordinator_with_config(v).close },
      "migrate!(_)" => ->(v) { TaskerCore.migrate!(v) },
      "check_template(_)" => ->(v) { TaskerCore.check_template(v) },
      "check_template(environment: _)" => ->(v) { TaskerCore.check_template(TEMPLATE, environment: v) },
      "logger=(_)" => ->(v) { with_logger(v) },
      "Monitor.collect_metrics(_)" => ->(v) { TaskerCore::Monitor.collect_metrics(v) },
      "TaskHandler.template(_)" => ->(v) { Class.new(TaskerCore::TaskHandler).template(v) },
      "TaskHandler.new(_)" => ->(v) { @workflow.new(v).handle(@done) },
      "TaskHandler#initialize_task(_)" => ->(v) { @workflow.new(coordinator).initialize_task(v) },
      "TaskHandler#initialize_task(priority: _)" => ->(v) { @workflow.new(coordinator).initialize_task({}, priority: v) },
      "TaskHandler#handle(_)" => ->(v) { @workflow.new(coordinator).handle(v) }
    }
  end

  # The logger is the process's: nobody else's is to be changed.
  def with_logger(value)
    was = TaskerCore.logger
    TaskerCore.logger = value
  ensure
    TaskerCore.logger = was
  end

  def configuration_calls
    settings = TaskerCore::Configuration.keys.map { |key| key["key"] }
    {
      "Configuration.load(root: _)" => ->(v) { TaskerCore::Configuration.load(root: v) },
      "Configuration.load(env: _)" => ->(v) { TaskerCore::Configuration.load(env: v) },
      "Configuration.load_from_env(_)" => ->(v) { TaskerCore::Configuration.load_from_env(v) },
      "Configuration.load_from_env(name => _)" => ->(v) { TaskerCore::Configuration.load_from_env("TASKER_MAX_PARALLEL_STEPS" => v) },
      "reconfigure(_)" => ->(v) { coordinator.reconfigure(v) },
      "reconfigure(_ => 1)" => ->(v) { coordinator.reconfigure(keyed(v)) }
    }.merge(
      settings.to_h do |key|
        ["create_coordinator_with_config(#{key}: _)",
         ->(v) { TaskerCore.create_coordinator_with_config({ "database_url" => url, "connection_timeout_ms" => 1000, key => v }).close }]
      end,
      settings.to_h { |key| ["reconfigure(#{key}: _)", ->(v) { reconfigure(key, v) }] }
    )
  end

  # On a coordinator of its own, for others are to go on as they are.
  def reconfigure(key, value)
    other = TaskerCore.create_coordinator_with_config(database_url: url)
    other.reconfigure({ key => value })
  ensure
    other&.close
  end

  def template_calls
    step = TEMPLATE[:steps].first
    {
      "register_template(_)" => ->(v) { coordinator.register_template(v) },
      "register_handler(_)" => ->(v) { coordinator.register_handler(v) { |_| {} } },
      "register_handler(name, _)" => ->(v) { coordinator.register_handler("hostile", v) }
    }.merge(
      TEMPLATE_KEYS.to_h { |key| ["register_template(#{key}: _)", ->(v) { coordinator.register_template(another.merge(key => v)) }] },
      STEP_KEYS.to_h { |key| ["register_template(steps: [{#{key}: _}])", ->(v) { register_step(step.merge(key => v)) }] },
      RETRY_KEYS.to_h { |key| ["register_template(steps: [{retry: {#{key}: _}}])", ->(v) { register_step(step.merge(retry: { key => v })) }] }
    )
  end

  def another = TEMPLATE.merge(name: "hostile", version: "1.0.#{@serial += 1}")

  def register_step(step) = coordinator.register_template(another.merge(steps: [step]))

  def task_calls
    request = { task_name: "plain" }
    {
      "initialize_task(_)" => ->(v) { coordinator.initialize_task(v) },
      "initialize_task(_ => 1)" => ->(v) { coordinator.initialize_task(keyed(v, "task_name" => "plain")) },
      "initialize_task(payload: {a: [_]})" => ->(v) { coordinator.initialize_task(**request, payload: { a: [v] }) },
      "initialize_task(connection: _)" => ->(v) { coordinator.initialize_task(**request, connection: v) },
      "initialize_tasks(_)" => ->(v) { coordinator.initialize_tasks(v) },
      "initialize_tasks([_])" => ->(v) { coordinator.initialize_tasks([v]) },
      "initialize_tasks(connection: _)" => ->(v) { coordinator.initialize_tasks([request], connection: v) },
      "handle_task(_)" => ->(v) { coordinator.handle_task(v) },
      "handle_task(timeout_ms: _)" => ->(v) { coordinator.handle_task(**request, timeout_ms: v) },
      "handle_task(connection: _)" => ->(v) { coordinator.handle_task(**request, connection: v) },
      "orchestrate_task(_)" => ->(v) { coordinator.orchestrate_task(v) },
      "orchestrate_task(timeout_ms: _)" => ->(v) { coordinator.orchestrate_task(@done, timeout_ms: v) },
      "orchestrate_with_errors(_)" => ->(v) { coordinator.orchestrate_with_errors(v) },
      "orchestrate_with_errors(timeout_ms: _)" => ->(v) { coordinator.orchestrate_with_errors(@done, timeout_ms: v) },
      "execute_step(_)" => ->(v) { coordinator.execute_step(v) },
      "execute_step(step_id: _)" => ->(v) { coordinator.execute_step(step_id: v) },
      "execute_step(step: _)" => ->(v) { coordinator.execute_step(task_id: @done, step: v) },
      "task_context(_)" => ->(v) { coordinator.task_context(v) },
      "explain(_)" => ->(v) { coordinator.explain(v) },
      "list_tasks(_)" => ->(v) { coordinator.list_tasks(v) }
    }.merge(
      REQUEST_KEYS.to_h { |key| ["initialize_task(#{key}: _)", ->(v) { coordinator.initialize_task(request.merge(key => v)) }] },
      FILTER_KEYS.to_h { |key| ["list_tasks(#{key}: _)", ->(v) { coordinator.list_tasks(key => v) }] }
    )
  end

  def operator_calls
    step = (@done << 16) + 1
    {
      "cancel_task(_)" => ->(v) { coordinator.cancel_task(v, reason: "r") },
      "cancel_task(reason: _)" => ->(v) { coordinator.cancel_task(@done, reason: v) },
      "retry_step(_)" => ->(v) { coordinator.retry_step(v) },
      "retry_step(task_id: _)" => ->(v) { coordinator.retry_step(task_id: v, step: "a") },
      "retry_step(step: _)" => ->(v) { coordinator.retry_step(task_id: @done, step: v) },
      "retry_task(_)" => ->(v) { coordinator.retry_task(v) },
      "retry_tasks(_)" => ->(v) { coordinator.retry_tasks(v) },
      "retry_tasks(tag: _)" => ->(v) { coordinator.retry_tasks(tag: v) },
      "resolve_step(step: _)" => ->(v) { coordinator.resolve_step(task_id: @done, step: v, reason: "r") },
      "resolve_step(_)" => ->(v) { coordinator.resolve_step(v, reason: "r") },
      "resolve_step(reason: _)" => ->(v) { coordinator.resolve_step(step, reason: v) },
      "resolve_step(result: _)" => ->(v) { coordinator.resolve_step(step, reason: "r", result: v) },
      "resolve_task(_)" => ->(v) { coordinator.resolve_task(v, reason: "r") },
      "resolve_task(reason: _)" => ->(v) { coordinator.resolve_task(@done, reason: v) }
    }
  end

  def event_calls
    {
      "publish_event(_)" => ->(v) { coordinator.publish_event(v) },
      "subscribe(_)" => ->(v) { coordinator.unsubscribe(coordinator.subscribe(v) { |_| nil }) },
      "unsubscribe(_)" => ->(v) { coordinator.unsubscribe(v) }
    }.merge(
      EVENT_KEYS.to_h { |key| ["publish_event(#{key}: _)", ->(v) { coordinator.publish_event({ name: "hostile.event", key => v }) }] }
    )
  end

  def worker_calls
    {
      "start_worker(_)" => ->(v) { coordinator.start_worker(v).stop },
      "start_worker(namespaces: _)" => ->(v) { coordinator.start_worker(namespaces: v).stop },
      "start_worker(_ => 1)" => ->(v) { coordinator.start_worker(keyed(v)).stop },
      "Worker#stop(timeout_ms: _)" => ->(v) { @worker.stop(timeout_ms: v) },
      "Worker#wait(timeout_ms: _)" => ->(v) { @worker.wait(timeout_ms: v) }
    }
  end
end
