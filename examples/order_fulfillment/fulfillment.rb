# frozen_string_literal: true

require "tasker_core"

# A shop's order fulfilment: five step handlers, and the outside world they talk to, simulated.
#
#   coordinator.register_template(Fulfillment::TEMPLATE)
#   coordinator.handle_task(Fulfillment::Orders.request(1))
#
# The template names the handlers by their class, so nobody has to register them. A handler is made anew for each attempt;
# what outlives it is here, and safe to use from many threads.
module Fulfillment
  TEMPLATE = Pathname(__dir__).join("process_order.yml")

  class << self
    attr_accessor :inventory, :payment_gateway, :carrier, :outbox

    # A new world: all shelves full, nothing charged, nothing sent.
    #
    # @param latency [Numeric] seconds that each call to an outside service takes
    # @param retry_after [Numeric] seconds that a busy payment gateway asks for
    def reset(latency: 0, retry_after: 0)
      self.inventory = Inventory.new(latency: latency)
      self.payment_gateway = PaymentGateway.new(latency: latency, retry_after: retry_after)
      self.carrier = Carrier.new(latency: latency)
      self.outbox = Outbox.new(latency: latency)
    end
  end
end

require_relative "orders"
require_relative "services/carrier"
require_relative "services/inventory"
require_relative "services/outbox"
require_relative "services/payment_gateway"
require_relative "handlers/notify_customer"
require_relative "handlers/process_payment"
require_relative "handlers/reserve_inventory"
require_relative "handlers/ship_order"
require_relative "handlers/validate_order"

Fulfillment.reset
