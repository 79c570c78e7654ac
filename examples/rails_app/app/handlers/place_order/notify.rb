# frozen_string_literal: true

class PlaceOrder::Notify < TaskerCore::StepHandler
  def call(context) = { "told" => context.payload["customer"] }
end
