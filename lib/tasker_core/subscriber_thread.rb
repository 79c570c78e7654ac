# frozen_string_literal: true

module TaskerCore
  # The thread that calls one subscriber's block. It exists until the subscription has ended; if it is killed, another
  # one takes over.
  #
  # @api private
  module SubscriberThread
    # How long to wait, in seconds, after a thread that ended without the end of its subscription, before the next one
    # begins.
    PAUSE = 0.1
    private_constant :PAUSE

    class << self
      # Called by the core, once for each subscription.
      #
      # @param subscription [Native::Subscription] a thread keeps alive what its block can see; this object refers to
      #   its coordinator weakly
      def start(subscription)
        Thread.new do
          Thread.current.name = "tasker-subscriber"
          Thread.current.report_on_exception = false
          # Otherwise the thread inherits what the thread that made it has masked.
          ended = Thread.handle_interrupt(Exception => :immediate) { delivered?(subscription) }
        ensure
          # This also applies to a kill after the subscription was closed: its block is forgotten only at the end of
          # deliver.
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
