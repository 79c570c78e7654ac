# frozen_string_literal: true

# What the process has one of.
module TaskerCore
  @lock = Mutex.new

  class << self
    extend Forwardable

    # The logger of this library; what happens in the Java core is logged here too. Unless set, it writes to standard error from
    # level +info+ on.
    #
    # @return [Logger]
    def logger
      @logger ||= Logger.new($stderr, level: Logger::INFO, progname: "tasker_core")
    end

    # @param logger [Logger, nil] anything with a logger's methods; nil for the default again
    def logger=(logger)
      @logger = logger
      Native.logger_changed
    end

    # A coordinator on a database, everything else as {Configuration.load} has it.
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
    # @param config [Hash] keys as README.md lists them
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

    # The process's own coordinator, made when it is first asked for.
    #
    # @return [Coordinator]
    def coordinator
      @lock.synchronize do
        @coordinator = create_coordinator if @coordinator.nil? || @coordinator.closed?
        @coordinator
      end
    end

    # Makes another coordinator the process's own. The one that was stays open.
    #
    # @api private
    # @param other [Coordinator, nil] nil: a new one is made when it is first asked for
    # @return [Coordinator, nil] the one that was
    def swap_coordinator(other)
      @lock.synchronize do
        before = @coordinator
        @coordinator = other
        before
      end
    end

    # What all coordinators that this process ever had have done together, as {Coordinator#performance_metrics} has it for one.
    #
    # @return [Result]
    def get_performance_metrics # rubocop:disable Naming/AccessorMethodName
      Result.new(Native.performance_metrics)
    end

    def_delegators :coordinator,
                   :register_template, :register_handler, :initialize_task, :initialize_tasks, :orchestrate_task,
                   :handle_task, :task_context, :list_tasks, :cancel_task, :retry_step, :resolve_step, :resolve_task,
                   :explain, :execute_step, :orchestrate_with_errors, :start_worker, :reconfigure, :health,
                   :publish_event, :subscribe, :unsubscribe, :performance_metrics

    # Closes the process's own coordinator, if there is one; the next call makes a new one.
    #
    # @return [nil]
    def close
      @lock.synchronize { @coordinator }&.close
    end
  end
end
