# frozen_string_literal: true

require_relative "../support/workflows"
require_relative "../../examples/order_fulfillment/fulfillment"

# The example that the demo runs and the manual shows, as a whole: template, handlers, and a world that fails.
RSpec.describe Fulfillment do
  include Workflows

  before(:all) { coordinator.register_template(described_class::TEMPLATE) }
  before { described_class.reset }

  def configuration = super.merge(environment: "test")

  def gateway = described_class.payment_gateway

  def request(number = 1, **options) = described_class::Orders.request(number, **options)

  # Runs an order to its end and returns its task context.
  def fulfil(request)
    coordinator.task_context(coordinator.handle_task(request).task_id)
  end

  def step(context, name) = context["steps"].find { |one| one["name"] == name }

  it "takes an order through all five steps" do
    context = fulfil(request(1))

    expect(context).to include("status" => "complete", "execution_status" => "all_complete", "completion_percentage" => 100.0)
    expect(step(context, "validate_order")["result"]).to include("item_count" => 3, "total_cents" => 18_930, "currency" => "GBP")
    expect(step(context, "ship_order")["result"]).to match(
      "reservation_id" => /\ARSV-/, "tracking_number" => /\AFRA-2-GB-/, "estimated_delivery" => (Date.today + 1).iso8601
    )
    expect(described_class.outbox.messages.map(&:to)).to eq(["ada@example.com"])
  end

  it "charges the card once, however often the gateway fails" do
    context = fulfil(request(1))

    expect(step(context, "process_payment")).to include("state" => "complete", "attempts" => 3)
    expect(gateway.charges.map(&:amount_cents)).to eq([18_930])
    reasons = context["transitions"].filter_map { |change| change["reason"] }
    expect(reasons).to match([/RetryableError: the gateway is busy/, /ConnectionLost: connection reset/])
  end

  it "waits as long as a busy gateway asks for" do
    described_class.reset(retry_after: 0.4)

    changes = fulfil(request(1))["transitions"].select { |change| change["step_name"] == "process_payment" }

    failed, again = changes.values_at(1, 2).map { |change| Time.iso8601(change["at"]) }
    expect(again - failed).to be >= 0.4
  end

  it "runs each step after those that it depends on" do
    context = fulfil(request(2))

    context["steps"].each do |child|
      child["depends_on"].each do |parent|
        expect(child["started_at"]).to be >= step(context, parent)["completed_at"]
      end
    end
  end

  it "ends in error when the card is declined, and neither ships nor thanks" do
    context = fulfil(request(3, card: described_class::PaymentGateway::DECLINED_CARD))

    expect(context).to include("status" => "error", "execution_status" => "blocked_by_failures")
    expect(step(context, "process_payment")["error"]).to include(
      "class" => "TaskerCore::PermanentError", "error_code" => "card_declined", "context" => { "amount_cents" => 7_789 }
    )
    expect(context["steps"].last(2).map { |one| one["state"] }).to eq(%w[pending pending])
    expect([gateway.charges, described_class.carrier.shipments, described_class.outbox.messages]).to all(be_empty)
  end

  it "goes on when somebody settles the payment by hand" do
    declined = fulfil(request(3, card: described_class::PaymentGateway::DECLINED_CARD))
    paid = { charge_id: "bank transfer", amount_cents: 7_789, currency: "USD", reservation_id: "RSV-00001" }

    coordinator.resolve_step(step(declined, "process_payment")["step_id"], reason: "paid by bank transfer", result: paid)
    coordinator.handle_task(declined.task_id)

    context = coordinator.task_context(declined.task_id)
    expect(context.status).to eq("complete")
    expect(step(context, "process_payment")["state"]).to eq("resolved_manually")
    expect(step(context, "ship_order")["result"]).to include("reservation_id" => "RSV-00001")
  end

  it "charges nobody for what is out of stock" do
    described_class.inventory = described_class::Inventory.new(stock: { "CBL-USBC-2M" => 0 })

    context = fulfil(request(1))

    expect(context.status).to eq("error")
    expect(step(context, "reserve_inventory")).to include("attempts" => 1)
    expect(step(context, "reserve_inventory")["error"]).to include("error_code" => "out_of_stock", "message" => "CBL-USBC-2M: 1 wanted, 0 on hand")
    expect(gateway.charges).to be_empty
  end

  it "refuses an order above the limit without a second attempt" do
    dear = request(1)
    dear[:payload][:items].first[:unit_price_cents] = 600_000

    step = step(fulfil(dear), "validate_order")

    expect(step).to include("state" => "error", "attempts" => 1)
    expect(step["error"]).to include("error_code" => "total_too_high")
  end

  it "makes one task of an order that is sent twice" do
    order = request(1)

    first = coordinator.handle_task(order)
    second = coordinator.handle_task(order)

    expect(second.to_h).to include("task_id" => first.task_id, "created" => false, "steps_executed" => 0)
    expect(gateway.charges.size).to eq(1)
  end

  it "takes no order that isn't one, and says what is wrong" do
    broken = request(1)
    broken[:payload][:items].last[:quantity] = 0
    broken[:payload][:shipping].delete(:address)

    expect { coordinator.initialize_task(broken) }.to raise_error(TaskerCore::ValidationError) { |error|
      expect(error.errors.map { |one| one["path"] }).to contain_exactly("payload.items[1].quantity", "payload.shipping.address")
    }
    expect(coordinator.list_tasks["tasks"].map { |task| task["idempotency_key"] }).not_to include(broken[:idempotency_key])
  end

  it "handles many orders at once, and the stock adds up" do
    orders = (1..12).map { |number| request(number) }
    before = described_class.inventory.on_hand("KB-75-ISO")

    statuses = orders.map { |order| Thread.new { coordinator.handle_task(order).status } }.map(&:value)

    sold = orders.flat_map { |order| order[:payload][:items] }.select { |item| item[:sku] == "KB-75-ISO" }.sum { |item| item[:quantity] }
    expect(statuses).to all(eq("complete"))
    expect(gateway.charges.size).to eq(12)
    expect(before - described_class.inventory.on_hand("KB-75-ISO")).to eq(sold)
  end
end
