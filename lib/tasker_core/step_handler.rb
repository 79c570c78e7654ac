# frozen_string_literal: true

module TaskerCore
  # Does the work of a step. Each attempt gets an instance of its own, on a thread of its own.
  #
  #   class ProcessPayment < TaskerCore::StepHandler
  #     def call(context)
  #       charge = Gateway.charge(context.payload["amount"], key: context.idempotency_key)
  #       { "charge_id" => charge.id }
  #     rescue Gateway::Busy => e
  #       raise TaskerCore::RetryableError.new(e.message, retry_after: 5)
  #     rescue Gateway::Declined => e
  #       raise TaskerCore::PermanentError.new(e.message, error_code: "declined")
  #     end
  #   end
  #
  # What +call+ returns is the step's result: a Hash, +nil+ for an empty one, {#success} or {#failure}; any other value
  # is a permanent failure. An exception that it raises is a failure that is tried again, unless it is a
  # {PermanentError}. Inheriting from this class is a convenience: any class with +call+ can be a handler.
  class StepHandler
    # @param context [StepContext]
    # @return [Hash, nil, StepSuccess, StepFailure]
    def call(context)
      raise NotImplementedError, "#{self.class.name} must implement call(context)"
    end

    # @param result [Hash, nil] what the step's children read
    # @param metadata [Hash] notes for people, shown with the step by {Coordinator#task_context}; no other step reads them
    # @return [StepSuccess]
    # @raise [ArgumentError] for a result that is not given as +result:+
    def success(*given, result: nil, metadata: {})
      return StepSuccess.new(result: result, metadata: metadata) if given.empty?

      raise ArgumentError, "success takes its result by name: success(result: { ... })"
    end

    # @param message [String]
    # @param error_code [String, nil] the application's own code for what happened
    # @param retryable [Boolean] whether another attempt may help
    # @param retry_after [Numeric, String, Time, nil] how many seconds the next attempt waits at least, or the moment
    #   that it waits for. A String holds ISO 8601 with its offset, or an HTTP date
    # @param context [Hash] what is stored with the step's error
    # @return [StepFailure]
    def failure(message:, error_code: nil, retryable: false, retry_after: nil, context: {})
      StepFailure.new(message: message, error_code: error_code, retryable: retryable, retry_after: retry_after, context: context)
    end
  end
end
