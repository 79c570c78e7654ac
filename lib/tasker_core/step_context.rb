# frozen_string_literal: true

module TaskerCore
  # What a handler can know about its attempt. Documents are converted when they are first asked for.
  class StepContext
    # @api private
    def initialize(attempt)
      @attempt = attempt
    end

    # @return [Integer]
    def task_id = @attempt.task_id

    # @return [Integer]
    def step_id = @attempt.step_id

    # @return [String]
    def step_name = @attempt.step_name

    # @return [String]
    def namespace = @attempt.namespace

    # @return [String]
    def task_name = @attempt.task_name

    # @return [Integer]
    def max_attempts = @attempt.max_attempts

    # @return [String]
    def correlation_id = @attempt.correlation_id

    # @return [String] the same in every attempt at this step, and different in every other step; for calls to other
    #   systems
    def idempotency_key = @attempt.idempotency_key

    # @return [Time] when the attempt times out and the handler is interrupted
    def deadline = @attempt.deadline

    # @return [Boolean] whether the outcome is no longer of any use
    def cancelled? = @attempt.cancelled?

    # @return [Hash] the task's payload
    def payload = @payload ||= @attempt.payload

    # @return [Hash] the step's +config+ in the template
    def config = @config ||= @attempt.config

    # @return [Hash{String => Hash}] results of the direct parents, by name
    def results = @results ||= @attempt.results

    # The result of any step that this one depends on, directly or through others. Results of direct parents are at hand;
    # any other result is read from the database when it is first asked for.
    #
    # @param name [String, Symbol]
    # @return [Hash] empty if it has none
    # @raise [PermanentError] naming the ancestors, if the step has no ancestor of this name
    # @raise [DatabaseError] if PostgreSQL had to be asked, and gave no answer
    def result_of(name)
      name = name.to_s
      results.fetch(name) { (@distant ||= {})[name] ||= @attempt.result_of(name) || refuse(name) }
    end

    # @return [Integer] the number of this attempt, from 1. Attempts that ended because their process died count too, but
    #   not against +max_attempts+: see {#crashes}
    def attempt = @attempt.number

    # @return [Integer] how many earlier attempts ended because their process died
    def crashes = @attempt.crashes

    # @return [Boolean] whether an earlier attempt has failed; an attempt whose process died has not failed
    def retry? = attempt - crashes > 1

    # @return [Boolean] whether a failure of this attempt is final
    def last_attempt? = @attempt.last?

    # @return [Logger] the library's logger; each message is tagged with the task, step, attempt and correlation id
    def logger = @logger ||= StepLogger.new(self)

    # @return [String]
    def inspect = "#<#{self.class.name} task #{task_id}, step #{step_name}, attempt #{attempt} of #{max_attempts}>"

    protected

    # For a context that is made from this one.
    def native_attempt = @attempt

    private

    def refuse(name)
      ancestors = @attempt.ancestors
      known = ancestors.empty? ? "it has none" : "they are #{ancestors.join(', ')}"
      raise PermanentError.new("#{name} is no ancestor of the step #{step_name}, so there is no result of it: #{known}", error_code: "no_such_ancestor")
    end
  end
end
