# frozen_string_literal: true

# The gateway is busy at first for whoever buys tea, so that there is a retry to see; and declines customers named Mallory.
class PlaceOrder::Charge < TaskerCore::StepHandler
  def call(context)
    payload = context.payload
    raise TaskerCore::PermanentError.new("the card was declined", error_code: "declined") if payload["customer"] == "Mallory"
    raise TaskerCore::RetryableError, "the gateway is busy" if payload["item"] == "tea" && !context.retry?

    context.logger.info("charged #{payload['customer']}")
    { "charge_id" => "C-#{context.idempotency_key}" }
  end
end
