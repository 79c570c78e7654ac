# frozen_string_literal: true

module TaskerCore
  # The thread that calls one subscriber's block. It is there until the subscription has ended; if it is killed, another one takes
  # over.
  #
  # @api private
  module SubscriberThread
    # Between an end that was none of the subscription's and the next thread's beginning, in seconds.
    PAUSE = 0.1
    private_constant :PAUSE

    class << self
      # Called by the core, once for each subscription.
      #
      # @param subscription [Native::Subscription] a thread keeps alive what its block can see: this knows its coordinator weakly
      def start(subscription)
        Thread.new do
          Thread.current.name = "tasker-subscriber"
          Thread.current.report_on_exception = false
          # Without it the thread inherits what its maker has masked.
          ended = Thread.handle_interrupt(Exception => :immediate) { delivered?(subscription) }
        ensure
          # Also after a kill once the subscription was closed: only with the end of deliver its block is forgotten.
          start(subscription) unless ended
        end
      end

      private

      def delivered?(subscription)
        subscription.deliver
        true
      rescue StandardError => e
        Log.warn("a subscriber's thread failed, another one takes over: #{Log.text(e)}")
        sleep PAUSE
        false
      end
    end
  end
end
