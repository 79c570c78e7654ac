# frozen_string_literal: true

module Fulfillment
  # Hands the reserved goods to the carrier. A handler reads the results of its direct parents; so the payment passes the
  # reservation on.
  class ShipOrder < TaskerCore::StepHandler
    def call(context)
      shipping = context.payload["shipping"]
      shipment = Fulfillment.carrier.ship(
        address: shipping["address"], method: shipping["method"], depot: context.config["depot"], key: context.idempotency_key
      )
      {
        "reservation_id" => context.result_of("process_payment")["reservation_id"],
        "tracking_number" => shipment.tracking_number,
        "estimated_delivery" => shipment.estimated_delivery
      }
    end
  end
end
