# frozen_string_literal: true

module TaskerCore
  # A handler's success; what {StepHandler#success} returns.
  class StepSuccess
    # @return [Hash, nil] what the step's children read
    attr_reader :result

    # @return [Hash] notes for people, stored with the step; no other step reads them
    attr_reader :metadata

    def initialize(result: nil, metadata: {})
      @result = result
      @metadata = metadata
      freeze
    end

    # @return [Boolean]
    def success? = true
  end

  # A handler's failure; what {StepHandler#failure} returns.
  class StepFailure
    # @return [String]
    attr_reader :message

    # @return [String, nil]
    attr_reader :error_code

    # @return [Boolean]
    attr_reader :retryable

    # @return [Numeric, String, Time, nil] how many seconds the next attempt waits at least, or the moment that it waits
    #   for
    attr_reader :retry_after

    # @return [Hash]
    attr_reader :context

    def initialize(message:, error_code: nil, retryable: false, retry_after: nil, context: {})
      @message = message
      @error_code = error_code
      @retryable = retryable
      @retry_after = retry_after
      @context = context
      freeze
    end

    # @return [Boolean]
    def success? = false
  end
end
