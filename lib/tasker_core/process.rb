# frozen_string_literal: true

# What there is one of in the process.
module TaskerCore
  LOGGING = %i[add level debug? debug info warn error].freeze
  private_constant :LOGGING

  @lock = Mutex.new

  class << self
    # The logger of this library; the Java core logs here too. Unless one is set, it is Rails' logger in a Rails
    # application, and otherwise a logger that writes to standard error from level +info+ on.
    #
    # @return [Logger]
    def logger
      @logger || @default_logger ||= Logger.new($stderr, level: Logger::INFO, progname: "tasker_core", formatter: default_format)
    end

    # Whether the logger wants messages for debugging.
    #
    # @api private
    def debug? = (@logger || @default_logger)&.debug? || false

    # Whether the logger wants messages of the level info. One that cannot be asked is taken to.
    #
    # @api private
    def info?
      logger = @logger || @default_logger
      logger.nil? || !Native.responds_to?(logger, :info?) || (logger.info? ? true : false)
    end

    # @param logger [Logger, nil] any object with a logger's methods; nil for the default again
    # @raise [InvalidTypeError]
    def logger=(logger)
      Native.refuse_type("logger", "a Logger or nil", logger) unless NilClass === logger || Native.responds_to?(logger, *LOGGING)
      @logger = logger
      Native.logger_changed
    end

    # The logger to use if none is set.
    #
    # @api private
    def default_logger=(logger)
      @default_logger = logger
      Native.logger_changed
    end

    # What every handler of this process runs in, for a worker as for +orchestrate_task+: any object with a +call+ that
    # takes a block and calls it once. The waits between two handlers are outside of it. It sees what the handler
    # raises, and should let it pass; what it raises itself is logged. If it raises before the handler has begun, the
    # step waits, and another attempt to begin is made within half a minute. In a Rails application it is Rails'
    # reloader, after which ActiveRecord's connections are given back.
    #
    #   TaskerCore.around_handlers = ->(&handler) { Instrumentation.measure("step", &handler) }
    #
    # @return [#call, nil]
    attr_reader :around_handlers

    # @param around [#call, nil] nil: nothing
    # @raise [InvalidTypeError]
    def around_handlers=(around)
      Native.refuse_type("around_handlers", "an object with call(&block)", around) unless around.nil? || around.respond_to?(:call)
      @around_handlers = around
      Native.wrap_handlers(around)
    end

    # A coordinator on a database; all other settings are as {Configuration.load} has them.
    #
    # @param database_url [String, nil] nil: as configured
    # @return [Coordinator]
    # @raise [ConfigurationError] if the configuration cannot work, or the schema is missing
    # @raise [DatabaseError] if PostgreSQL cannot be reached
    def create_coordinator(database_url = nil)
      Coordinator.new(Configuration.load_for(database_url))
    end

    # A coordinator with these settings over the defaults; files and environment are not read.
    #
    # @param config [Hash] keys as docs/manual.md lists them
    # @return [Coordinator]
    def create_coordinator_with_config(config)
      Coordinator.new(config)
    end

    # Creates the schema +tasker+ in the database, or upgrades it to what this version needs. Several processes may do so at once.
    #
    # @param database_url [String, nil] nil: as configured
    # @return [nil]
    def migrate!(database_url = nil)
      Native.migrate(Configuration.load_for(database_url))
    end

    # Checks a template as {Coordinator#register_template} does, but without a database: for a continuous integration, for instance.
    # +tasker check+ does it for files.
    #
    # @param template [Hash, String, Pathname] the template itself, YAML text, or a YAML file
    # @param environment [String] which of the template's +environments+ is applied
    # @return [Result] +namespace, name, version, step_count+
    # @raise [ValidationError] naming each key that is wrong
    def check_template(template, environment: "development")
      Result.new(Native.check_template(TemplateSource.read(template), environment))
    end

    # The process's own coordinator, made when it is first asked for.
    #
    # @return [Coordinator]
    def coordinator
      @lock.synchronize do
        @coordinator = prepared(create_coordinator) if @coordinator.nil? || @coordinator.closed?
        @coordinator
      end
    end

    # Makes another coordinator the process's own. The previous one stays open.
    #
    # @api private
    # @param other [Coordinator, nil] nil: a new one is made when it is first asked for
    # @return [Coordinator, nil] the previous one
    def swap_coordinator(other)
      @lock.synchronize do
        before = @coordinator
        @coordinator = other
        before
      end
    end

    # The process's own coordinator, if it has one.
    #
    # @return [Coordinator, nil]
    # @api private
    def open_coordinator = @lock.synchronize { @coordinator unless @coordinator.nil? || @coordinator.closed? }

    # Calls the block with the process's own coordinator whenever one is made, before anybody else gets it. If the block
    # raises, there is no coordinator.
    #
    # @yieldparam coordinator [Coordinator]
    # @api private
    def prepare_coordinator(&block)
      @lock.synchronize { @preparations = [*@preparations, block].freeze }
    end

    # What all coordinators that this process ever had have done together, as {Coordinator#performance_metrics} has it for one.
    #
    # @return [Result]
    def get_performance_metrics # rubocop:disable Naming/AccessorMethodName
      Result.new(Native.performance_metrics)
    end

    # @!method register_template(template)
    #   (see Coordinator#register_template)

    # @!method register_handler(name, handler = nil, &block)
    #   (see Coordinator#register_handler)

    # @!method initialize_task(request = nil, connection: nil, **keys)
    #   (see Coordinator#initialize_task)

    # @!method initialize_tasks(requests, connection: nil)
    #   (see Coordinator#initialize_tasks)

    # @!method orchestrate_task(task_id, timeout_ms: nil)
    #   (see Coordinator#orchestrate_task)

    # @!method handle_task(request_or_id = nil, connection: nil, timeout_ms: nil, **keys)
    #   (see Coordinator#handle_task)

    # @!method task_context(task_id)
    #   (see Coordinator#task_context)

    # @!method list_tasks(filter = {}, **keys)
    #   (see Coordinator#list_tasks)

    # @!method cancel_task(task_id, reason:)
    #   (see Coordinator#cancel_task)

    # @!method retry_step(step_id = nil, task_id: nil, step: nil)
    #   (see Coordinator#retry_step)

    # @!method retry_task(task_id)
    #   (see Coordinator#retry_task)

    # @!method retry_tasks(filter = {}, **keys)
    #   (see Coordinator#retry_tasks)

    # @!method resolve_step(step_id = nil, reason:, task_id: nil, step: nil, result: nil)
    #   (see Coordinator#resolve_step)

    # @!method resolve_task(task_id, reason:)
    #   (see Coordinator#resolve_task)

    # @!method explain(task_id)
    #   (see Coordinator#explain)

    # @!method execute_step(step = nil, **keys)
    #   (see Coordinator#execute_step)

    # @!method orchestrate_with_errors(task_id, timeout_ms: nil)
    #   (see Coordinator#orchestrate_with_errors)

    # @!method start_worker(options = {}, **keys)
    #   (see Coordinator#start_worker)

    # @!method reconfigure(changes = nil, **keys)
    #   (see Coordinator#reconfigure)

    # @!method health
    #   (see Coordinator#health)

    # @!method publish_event(event = nil, **keys)
    #   (see Coordinator#publish_event)

    # @!method subscribe(pattern, &block)
    #   (see Coordinator#subscribe)

    # @!method unsubscribe(subscription)
    #   (see Coordinator#unsubscribe)

    # @!method performance_metrics
    #   (see Coordinator#performance_metrics)

    # Forwardable is not used: its frames would stand between the caller's line and the library's, where a backtrace
    # must begin.
    %i[register_template register_handler initialize_task initialize_tasks orchestrate_task handle_task task_context list_tasks
       cancel_task retry_step retry_task retry_tasks resolve_step resolve_task explain execute_step orchestrate_with_errors start_worker reconfigure
       health publish_event subscribe unsubscribe performance_metrics].each do |name|
      define_method(name) { |*arguments, **keys, &block| coordinator.public_send(name, *arguments, **keys, &block) }
    end

    # Closes the process's own coordinator, if there is one; the next call makes a new one.
    #
    # @return [nil]
    def close
      @lock.synchronize { @coordinator }&.close
    end

    # Whether the process has no open coordinator of its own. Asking does not make one.
    #
    # @return [Boolean]
    def closed? = open_coordinator.nil?

    private

    # A wrong format is no reason to be silent.
    def default_format
      JsonLog.new if ENV["TASKER_LOG_FORMAT"].to_s.strip == "json"
    end

    def prepared(coordinator)
      @preparations&.each { |preparation| preparation.call(coordinator) }
      coordinator
    rescue StandardError
      coordinator.close
      raise
    end
  end
end
