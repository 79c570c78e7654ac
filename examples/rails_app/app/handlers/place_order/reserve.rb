# frozen_string_literal: true

class PlaceOrder::Reserve < TaskerCore::StepHandler
  def call(context)
    { "reservation" => "R-#{context.payload['order_id']}", "quantity" => context.payload["quantity"] }
  end
end
