# frozen_string_literal: true

# An order, and the workflow that it sets off.
class Order
  # It cannot be placed; the message says why.
  class Refused < StandardError; end

  class << self
    # Saves the order and starts its workflow in one transaction: there is never the one without the other, whatever dies when.
    #
    # @return [Order]
    # @raise [Refused]
    def place(customer:, item:, quantity:)
      database.transaction do
        id = table.insert(customer: customer, item: item, quantity: quantity)
        task = TaskerCore.initialize_task(
          { namespace: "shop", task_name: "place_order", idempotency_key: "order-#{id}",
            payload: { order_id: id, customer: customer, item: item, quantity: quantity } },
          connection: database
        )
        table.where(id: id).update(task_id: task.task_id)
        find(id)
      end
    rescue TaskerCore::ValidationError => e
      raise Refused, e.message
    end

    # @return [Order, nil]
    def find(id)
      row = table.first(id: id)
      row && new(row)
    end

    # @return [Array<Order>] the newest first
    def latest(count = 20) = table.reverse(:id).limit(count).map { |row| new(row) }

    def table = database[:orders]

    private

    def database = Shop.database
  end

  attr_reader :id, :customer, :item, :quantity, :state, :task_id, :placed_at

  def initialize(row)
    @id, @customer, @item, @quantity, @state, @task_id, @placed_at =
      row.values_at(:id, :customer, :item, :quantity, :state, :task_id, :placed_at)
  end

  # To do so again changes nothing, as a step may run twice.
  def finish = Order.table.where(id: id).update(state: "finished")

  # @return [TaskerCore::Result] everything about its workflow
  def workflow = TaskerCore.task_context(task_id)

  # @return [Hash] for the API
  def summary = { id: id, customer: customer, item: item, quantity: quantity, state: state, task_id: task_id, placed_at: placed_at }

  # @return [Hash] with how far the workflow is
  def details
    task = workflow
    steps = task["steps"].map { |step| step.slice("name", "state", "attempts", "error", "next_run_at") }
    summary.merge(workflow: { status: task["status"], percentage: task["completion_percentage"], steps: steps })
  end
end
