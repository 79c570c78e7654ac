# frozen_string_literal: true

require_relative "../support/workflows"

# What an application puts around its handlers, as Rails does with its reloader.
RSpec.describe "What is around handlers" do
  include Workflows

  after { TaskerCore.around_handlers = nil }

  let(:seen) { Queue.new }

  def all(queue) = Array.new(queue.size) { queue.pop }

  it "is entered before a handler is found, and left when it has ended, on the handler's thread" do
    TaskerCore.around_handlers = lambda do |&handler|
      seen << [:enter, Thread.current.name]
      handler.call.tap { seen << [:leave, Thread.current.name] }
    end

    step = run_step { |_| seen << [:run, Thread.current.name] and { "n" => 1 } }

    expect(step).to include("state" => "complete", "result" => { "n" => 1 })
    expect(eventually { seen.size == 3 }).to be(true)
    events = all(seen)
    expect(events.map(&:first)).to eq(%i[enter run leave])
    expect(events.map(&:last).uniq).to match([start_with("tasker-handler")])
  end

  it "holds while a handler's class is looked for, as this may load code" do
    inside = nil
    registry = TaskerCore::HandlerRegistry.new
    TaskerCore.around_handlers = lambda do |&handler|
      Object.const_set(:AroundHandlersSpecHandler, Class.new { def call(_) = {} }) unless Object.const_defined?(:AroundHandlersSpecHandler)
      inside = handler.call
    end

    expect(registry.find("AroundHandlersSpecHandler")).to be(AroundHandlersSpecHandler)
    expect(inside).to be(AroundHandlersSpecHandler)
  ensure
    Object.send(:remove_const, :AroundHandlersSpecHandler) if Object.const_defined?(:AroundHandlersSpecHandler)
  end

  it "sees what the handler raises, which is the step's failure" do
    TaskerCore.around_handlers = lambda do |&handler|
      handler.call
    rescue TaskerCore::PermanentError => e
      seen << e.message
      raise
    end

    step = run_step { |_| raise TaskerCore::PermanentError, "declined" }

    expect(step).to include("state" => "error", "error" => include("message" => "declined"))
    expect(all(seen)).to eq(["declined"])
  end

  it "does not change how the handler ended, whatever it swallows or raises afterwards" do
    TaskerCore.around_handlers = lambda do |&handler|
      handler.call
    ensure
      raise "the pool is gone"
    end
    expect(run_step { |_| { "n" => 1 } }).to include("state" => "complete", "result" => { "n" => 1 })
    expect(run_step { |_| raise "late" }).to include("state" => "error", "error" => include("message" => "late"))
    expect(eventually { log.string.scan("the pool is gone").size == 2 }).to be(true)

    TaskerCore.around_handlers = lambda do |&handler|
      handler.call
    rescue StandardError
      nil
    end
    expect(run_step { |_| raise "swallowed" }).to include("state" => "error", "error" => include("message" => "swallowed"))
  end

  it "leaves the step as it was when it fails before the handler begins" do
    name = coordinator.register_handler("around.waits") { |_| seen << :run and {} }
    TaskerCore.around_handlers = ->(&_) { raise "this code does not load" }
    task_id = create_task([{ name: "a", handler: name }])

    coordinator.orchestrate_task(task_id, timeout_ms: 20_000)

    expect(coordinator.task_context(task_id)["steps"].first).to include("state" => "enqueued", "attempts" => 0, "error" => nil)
    expect(log.string).to include("this code does not load")
    expect(seen).to be_empty

    TaskerCore.around_handlers = nil
    coordinator.register_handler(name) { |_| {} }
    expect(coordinator.orchestrate_task(task_id, timeout_ms: 20_000).status).to eq("complete")
  end

  it "comes to its end in peace when the handler's time is up" do
    TaskerCore.around_handlers = lambda do |&handler|
      handler.call
    ensure
      200.times { sleep 0.001 }
      seen << :left
    end

    step = run_step(timeout_ms: 50) { |_| sleep }

    expect(step).to include("state" => "error", "error" => include("error_code" => "timeout"))
    expect(eventually { seen.size == 1 }).to be(true)
  end

  it "must not call its block twice, which would run the handler again" do
    TaskerCore.around_handlers = lambda do |&handler|
      handler.call
      handler.call
    rescue TaskerCore::StateError => e
      seen << e.message
    end

    expect(run_step { |_| { "n" => 1 } }).to include("state" => "complete", "result" => { "n" => 1 }, "attempts" => 1)
    expect(all(seen)).to match([/twice/])
  end

  it "must call its block on the handler's thread" do
    in_thread = lambda do |&handler|
      Thread.new { (Thread.current.report_on_exception = false) || handler.call }.join
    end
    [in_thread, ->(&handler) { Fiber.new { handler.call }.resume }].each do |around|
      TaskerCore.around_handlers = around
      step = run_step { |_| seen << :ran }

      expect(step).to include("state" => "enqueued", "attempts" => 0)
      expect(log.string).to match(/StateError.*on the thread that it was called on/)
      log.truncate(0)
    end
    expect(seen).to be_empty
  end

  it "must have a call" do
    expect { TaskerCore.around_handlers = 5 }.to raise_error(TaskerCore::InvalidTypeError, /around_handlers must be an object with call/)
  end
end
