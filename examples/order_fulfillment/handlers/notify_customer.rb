# frozen_string_literal: true

module Fulfillment
  # Tells the customer that the money has come.
  class NotifyCustomer < TaskerCore::StepHandler
    def call(context)
      payment = context.result_of("process_payment")
      message = Fulfillment.outbox.deliver(
        to: context.payload.dig("customer", "email"),
        subject: format("%s: we received %.2f %s", context.payload["order_id"], payment["amount_cents"] / 100.0, payment["currency"]),
        key: context.idempotency_key
      )
      context.logger.debug { "#{context.inspect}: #{message.id} to #{message.to}" }
      { "message_id" => message.id, "to" => message.to, "subject" => message.subject }
    end
  end
end
