# frozen_string_literal: true

module TaskerCore
  # The thread that calls one subscriber's block. It is there until the subscription has ended; if it is killed, another one takes
  # over.
  #
  # @api private
  module SubscriberThread
    class << self
      # Called by the core, once for each subscription.
      #
      # @param subscription [Native::Subscription] a thread keeps alive what its block can see: this knows its coordinator weakly
      def start(subscription)
        Thread.new do
          Thread.current.name = "tasker-subscriber"
          Thread.current.report_on_exception = false
          Thread.handle_interrupt(Exception => :immediate) { subscription.deliver } # else it inherits what its maker has masked
        ensure
          start(subscription) if subscription.active?
        end
      end
    end
  end
end
