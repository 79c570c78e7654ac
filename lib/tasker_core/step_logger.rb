# frozen_string_literal: true

module TaskerCore
  # {TaskerCore.logger} for one attempt at one step: each message says which.
  #
  #   context.logger.info("charged")   # [task 7 step 458753 charge attempt 1 correlation 0198…] charged
  #
  # If the application's logger raises, that harms no step: see {Log}.
  #
  # @api private
  class StepLogger < ::Logger
    # @param context [StepContext]
    def initialize(context)
      super(nil)
      @tag = "[task #{context.task_id} step #{context.step_id} #{context.step_name} attempt #{context.attempt} " \
             "correlation #{context.correlation_id}]"
    end

    # @return [Integer] the lowest severity that is wanted, even from a logger that has names for severities
    def level
      level = Log.unharmed { TaskerCore.logger.level }
      Integer === level ? level : least_wanted
    end

    def debug? = wanted?(:debug?)

    def info? = wanted?(:info?)

    def warn? = wanted?(:warn?)

    def error? = wanted?(:error?)

    def fatal? = wanted?(:fatal?)

    # As in Logger. The block is called only if the message is wanted, and what it raises is raised to the handler.
    def add(severity, message = nil, progname = nil)
      raised = nil
      Log.unharmed(true, own: ->(error) { error.equal?(raised) }) do
        TaskerCore.logger.add(severity) do
          message = block_given? ? yield : progname if NilClass === message
          "#{@tag} #{Log.text(message)}"
        rescue Exception => e # rubocop:disable Lint/RescueException
          raised = e
          raise
        end
      end
    end
    alias log add

    # @param message [String] written as it is
    def <<(message)
      Log.unharmed do
        logger = TaskerCore.logger
        logger.respond_to?(:<<) ? logger << message : logger.info(message)
      end
      self
    end

    private

    # A logger need not have all of these questions. If it cannot be asked, messages are wanted.
    def wanted?(question)
      Log.unharmed(false) do
        logger = TaskerCore.logger
        !logger.respond_to?(question) || (logger.public_send(question) ? true : false)
      end
    end

    def least_wanted
      [debug?, info?, warn?, error?, fatal?].index(true) || UNKNOWN
    end
  end
end
