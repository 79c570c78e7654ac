# frozen_string_literal: true

module TaskerCore
  # {TaskerCore.logger} for one attempt at one step: each message says which.
  #
  #   context.logger.info("charged")   # [task 7 step 458753 charge attempt 1 correlation 0198…] charged
  #
  # @api private
  class StepLogger < ::Logger
    # @param context [StepContext]
    def initialize(context)
      super(nil)
      @tag = "[task #{context.task_id} step #{context.step_id} #{context.step_name} attempt #{context.attempt} " \
             "correlation #{context.correlation_id}]"
    end

    # @return [Integer]
    def level = TaskerCore.logger.level

    # As in Logger; the block is called only if the message is wanted.
    def add(severity, message = nil, progname = nil)
      TaskerCore.logger.add(severity) do
        message = block_given? ? yield : progname if message.nil?
        "#{@tag} #{message.is_a?(Exception) ? "#{message.class}: #{message.message}" : message}"
      end
    end
    alias log add

    # @param message [String] written as it is
    def <<(message) = TaskerCore.logger << message
  end
end
