# frozen_string_literal: true

module Fulfillment
  # Adds the order up, and refuses what no retry can make right. That the payload has the form of an order is settled before:
  # the template's input_schema saw to it when the task was created.
  class ValidateOrder < TaskerCore::StepHandler
    def call(context)
      order = context.payload
      total = subtotal(order) + context.config["shipping_cents"].fetch(order.dig("shipping", "method"))
      limit = context.config["max_total_cents"]
      refuse("the order's total of #{total} is above #{limit}", "total_too_high", total) if total > limit

      {
        "order_id" => order["order_id"],
        "item_count" => order["items"].sum { |item| item["quantity"] },
        "total_cents" => total,
        "currency" => order.dig("payment", "currency")
      }
    end

    private

    def subtotal(order) = order["items"].sum { |item| item["quantity"] * item["unit_price_cents"] }

    def refuse(message, code, total)
      raise TaskerCore::PermanentError.new(message, error_code: code, context: { "total_cents" => total })
    end
  end
end
