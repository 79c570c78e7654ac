# frozen_string_literal: true

module TaskerCore
  # Works through every task whose steps may run and whose handlers are at hand; {Coordinator#start_worker} makes one.
  #
  #   worker = coordinator.start_worker(namespaces: ["billing"])
  #   worker.wait                       # or do something else: it works on threads of its own
  #   worker.stop(timeout_ms: 30_000)   # takes no more, and lets what runs come to its end
  #
  # It works until it is stopped or its coordinator is closed, whether or not anybody refers to it. While it works, its
  # coordinator is not collected. All of a coordinator's workers and calls share its +max_parallel_steps+.
  class Worker
    # @api private
    def initialize(native)
      @native = native
    end

    # Stops the worker: it claims no more, gives back what it has claimed and not begun, and waits for the handlers that
    # run. Handlers that still run when the time is up are interrupted and their steps given back; these attempts count.
    # A second call, perhaps with less time, may be made while the first one waits. If a handler of the same coordinator
    # calls this, the call does not wait, because the handler would wait for itself: the worker stops in the background.
    #
    # @param timeout_ms [Numeric, nil] nil: the coordinator's +shutdown_timeout_ms+
    # @return [Boolean] whether all handlers ended by themselves; false if a handler calls this, because it is not known
    #   yet
    def stop(timeout_ms: nil) = @native.stop(timeout_ms)

    # Claims no more from here on; what is already claimed runs to its end. Only {#stop} can follow.
    #
    # @return [self]
    def quiet
      @native.quiet
      self
    end

    # Waits until the worker has stopped.
    #
    # @param timeout_ms [Numeric, nil] nil: for as long as it takes
    # @return [Boolean] whether it has stopped
    def wait(timeout_ms: nil) = @native.wait(timeout_ms)

    # @return [Boolean] false from the moment when it was told to stop
    def running? = @native.running?

    # @return [Result] +state+ (+running+, +quiet+, +stopping+ or +stopped+), +connection_mode+, how many steps it has
    #   +claimed+ and +executed+, and how many are +running+ and +waiting+ in its coordinator
    def stats = Result.new(@native.stats)

    # @return [String]
    def inspect = "#<#{self.class.name} #{stats['state']}>"
  end
end
