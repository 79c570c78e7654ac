# frozen_string_literal: true

module Fulfillment
  # Takes the money, once. Three ways to fail:
  #
  # - a busy gateway says when to come back: a RetryableError with +retry_after+;
  # - a declined card stays declined: a PermanentError, which ends the step;
  # - anything else, a lost connection here, is retried as the template says, and needs no code at all. Whether the card was
  #   charged before the connection broke, nobody knows; the idempotency key makes the next attempt safe.
  class ProcessPayment < TaskerCore::StepHandler
    def call(context)
      total = context.result_of("validate_order")
      charge = Fulfillment.payment_gateway.charge(
        card: context.payload.dig("payment", "token"),
        amount_cents: total["total_cents"],
        currency: total["currency"],
        key: context.idempotency_key
      )
      {
        "charge_id" => charge.id,
        "amount_cents" => charge.amount_cents,
        "currency" => charge.currency,
        "reservation_id" => context.result_of("reserve_inventory")["reservation_id"]
      }
    rescue PaymentGateway::Busy => e
      raise TaskerCore::RetryableError.new(e.message, retry_after: e.retry_after)
    rescue PaymentGateway::Declined => e
      raise TaskerCore::PermanentError.new(e.message, error_code: "card_declined", context: { "amount_cents" => total["total_cents"] })
    end
  end
end
