# frozen_string_literal: true

class PlaceOrder::Ship < TaskerCore::StepHandler
  def call(context) = { "parcel" => "P-#{context.payload['order_id']}" }
end
