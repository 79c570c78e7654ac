# frozen_string_literal: true

require "pathname"
require_relative "../support/workflows"
require_relative "../support/templates/order_handler"

RSpec.describe TaskerCore::TaskHandler do
  include Workflows

  before(:all) { @coordinator.register_handler("task_handler_spec.charge") { |context| { "paid" => context.payload["amount"] } } }

  let(:orders) { OrderHandler.new(coordinator) }

  def a_handler(source) = Class.new(described_class) { template source }

  it "creates and runs tasks of the template beside its file" do
    task = orders.initialize_task({ amount: 7 }, idempotency_key: "order-1", tags: ["web"])

    expect(task).to include("created" => true, "step_count" => 1)
    expect(orders.initialize_task({ amount: 7 }, idempotency_key: "order-1")).to include("created" => false, "task_id" => task.task_id)
    expect(orders.handle(task.task_id)).to include("status" => "complete", "created" => false)
    expect(coordinator.task_context(task.task_id)).to include("namespace" => "shop", "name" => "order", "tags" => ["web"])
  end

  it "registers the template once for each coordinator" do
    registered = []
    allow(coordinator).to receive(:register_template).and_wrap_original { |original, template| registered << original.call(template) && registered.last }
    3.times { OrderHandler.new(coordinator).initialize_task({ amount: 1 }) }
    other = TaskerCore.create_coordinator_with_config(configuration)

    expect(registered.size).to be <= 1
    expect(OrderHandler.new(other).initialize_task({ amount: 1 })).to include("created" => true)
  ensure
    other&.close
  end

  it "registers the template anew where the database was emptied" do
    url = TestDatabase.create
    other = TaskerCore.create_coordinator_with_config(database_url: url, auto_migrate: true)
    OrderHandler.new(other).initialize_task({ amount: 1 })
    TestDatabase.empty(url)

    expect(OrderHandler.new(other).initialize_task({ amount: 2 })).to include("created" => true)
    expect { OrderHandler.new(other).initialize_task({ amount: 2 }, version: "9.9.9") }.to raise_error(TaskerCore::TemplateNotFoundError, /9\.9\.9/)
  ensure
    other&.close
  end

  it "is inherited with its template" do
    task = UrgentOrderHandler.new(coordinator).initialize_task({ amount: 1 })

    expect(coordinator.task_context(task.task_id)).to include("name" => "order", "priority" => 100)
  end

  it "takes a Hash, YAML text or a Pathname as template" do
    file = Pathname("../support/templates/order.yml")
    text = file.expand_path(__dir__).read

    expect([a_handler(file), a_handler(text), a_handler(OrderHandler.template)].map(&:template).uniq).to eq([OrderHandler.template])
    expect(a_handler(text).new(coordinator).initialize_task({ amount: 1 })).to include("created" => true)
  end

  it "creates its tasks in the caller's transaction" do
    TestDatabase.connect(@url) do |connection|
      connection.auto_commit = false
      task_id = orders.initialize_task({ amount: 1 }, connection: connection).task_id
      connection.rollback
      expect { coordinator.task_context(task_id) }.to raise_error(TaskerCore::TaskNotFoundError)
    end
  end

  it "tells where the template is not" do
    expect { a_handler("nowhere.yml") }.to raise_error(TaskerCore::ValidationError, %r{cannot read the template.*boundary/nowhere\.yml})
    expect { a_handler(5) }.to raise_error(TaskerCore::InvalidTypeError, /template must be/)
    expect { Class.new(described_class).new(coordinator).initialize_task({}) }
      .to raise_error(TaskerCore::ConfigurationError, /names no template/)
  end

  it "leaves the refusing to the core" do
    expect { orders.initialize_task({ amount: 1 }, pryority: 3) }.to raise_error(TaskerCore::ValidationError, /did you mean priority/)
    expect { orders.initialize_task(5) }.to raise_error(TaskerCore::ValidationError, /payload/)
    expect { orders.handle(-1) }.to raise_error(TaskerCore::TaskNotFoundError)
  end
end
