# frozen_string_literal: true

class PlaceOrder::Finish < TaskerCore::StepHandler
  def call(context)
    Order.find(context.payload["order_id"]).finish
    context.result_of("ship")
  end
end
