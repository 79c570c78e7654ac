# frozen_string_literal: true

module TaskerCore
  # Included in every error that tasker_core raises, so that one +rescue TaskerCore::Error+ catches them all. Each error
  # is also a StandardError of a fitting kind: +ArgumentError+ for what the caller gave, +RuntimeError+ for what
  # happened.
  module Error
    # @return [String, nil] the name of this error in the log
    attr_reader :reference

    # @return [String] the kind of error, for code that treats errors as data: see {Coordinator#orchestrate_with_errors}
    def error_type = "internal_error"

    # @return [Hash{String => Object}] what is known beside the message: +reference+ always, and the error's own attributes
    def error_context = { "reference" => reference }
  end

  # There is no task with this id.
  class TaskNotFoundError < ArgumentError
    include Error

    # @return [String]
    def error_type = "task_not_found"
  end

  # There is no step with this id or name.
  class StepNotFoundError < ArgumentError
    include Error

    # @return [String]
    def error_type = "step_not_found"
  end

  # There is no template under this namespace, name and version.
  class TemplateNotFoundError < ArgumentError
    include Error

    # @return [String]
    def error_type = "template_not_found"
  end

  # A request, a template or a value was refused.
  class ValidationError < ArgumentError
    include Error

    # @return [Array<Hash{String => String}>] +path+ and +message+ of each thing that is wrong
    def errors
      @errors || []
    end

    # @return [String]
    def error_type = "validation_error"

    # @return [Hash{String => Object}]
    def error_context = super.merge("errors" => errors)
  end

  # The idempotency key was used before, with another payload.
  class IdempotencyConflictError < ArgumentError
    include Error

    # @return [Array<Hash{String => String}>] +path+ and +message+ of the conflict
    def errors
      @errors || []
    end

    # @return [String]
    def error_type = "idempotency_conflict"

    # @return [Hash{String => Object}]
    def error_context = super.merge("errors" => errors)
  end

  # The configuration cannot work.
  class ConfigurationError < ArgumentError
    include Error

    # @return [String]
    def error_type = "configuration_error"
  end

  # An argument is of the wrong Ruby type.
  class InvalidTypeError < TypeError
    include Error

    # @return [String]
    def error_type = "invalid_type"
  end

  # PostgreSQL, the way to it, or the connection pool failed.
  class DatabaseError < RuntimeError
    include Error

    # @return [String, nil] PostgreSQL's five characters, if it sent any
    attr_reader :sql_state

    # @return [Boolean] whether the same call may succeed later
    def transient?
      @transient ? true : false
    end

    # @return [String]
    def error_type = "database_error"

    # @return [Hash{String => Object}]
    def error_context = super.merge("sql_state" => sql_state, "transient" => transient?)
  end

  # The task or step cannot make this change in the state that it is in.
  class StateError < RuntimeError
    include Error

    # @return [String]
    def error_type = "state_error"
  end

  # The handle was closed.
  class ClosedError < RuntimeError
    include Error

    # @return [String]
    def error_type = "closed"
  end

  # A failure that nobody foresaw. The log has the details, under {Error#reference}.
  class InternalError < RuntimeError
    include Error
  end

  # Raised by a handler: another attempt may succeed later.
  #
  #   raise TaskerCore::RetryableError.new("the gateway is busy", retry_after: 5)
  class RetryableError < StandardError
    include Error

    # @return [Numeric, String, Time, nil] how many seconds the next attempt waits at least, or the moment that it waits
    #   for
    attr_reader :retry_after

    # @return [Hash] what is stored with the step's error
    attr_reader :context

    def initialize(message = nil, retry_after: nil, context: {})
      super(message)
      @retry_after = retry_after
      @context = context
    end
  end

  # Raised by a handler: no further attempt can help.
  #
  #   raise TaskerCore::PermanentError.new("card declined", error_code: "declined", context: { "amount" => 12 })
  class PermanentError < StandardError
    include Error

    # @return [String, nil] the application's own code for what happened
    attr_reader :error_code

    # @return [Hash] what is stored with the step's error
    attr_reader :context

    def initialize(message = nil, error_code: nil, context: {})
      super(message)
      @error_code = error_code
      @context = context
    end
  end

  # Raised into a running handler when its time is up or its step was cancelled. Not a StandardError, so that a bare +rescue+
  # does not swallow it; clean up in +ensure+.
  class StepInterrupted < Exception # rubocop:disable Lint/InheritException
  end
end
