# frozen_string_literal: true

module Fulfillment
  # Sets the goods aside. The step may run twice if a process dies in it; its idempotency key makes that one reservation.
  class ReserveInventory < TaskerCore::StepHandler
    def call(context)
      items = context.payload["items"].map { |item| item.slice("sku", "quantity") }
      { "reservation_id" => Fulfillment.inventory.reserve(items, key: context.idempotency_key), "items" => items }
    rescue Inventory::OutOfStock => e
      raise TaskerCore::PermanentError.new(e.message, error_code: "out_of_stock")
    end
  end
end
