# frozen_string_literal: true

# Task handlers for the specs, in a file of their own: their template is found beside it.
class OrderHandler < TaskerCore::TaskHandler
  template "order.yml"
end

class UrgentOrderHandler < OrderHandler
  def initialize_task(payload, **options) = super(payload, priority: 100, **options)
end
