# frozen_string_literal: true

require "weakref"
require_relative "../support/workflows"

RSpec.describe "Events" do
  include Workflows

  # What a subscriber of the pattern hears while the block runs, and until it is enough.
  def heard(pattern, enough:)
    events = Queue.new
    subscription = coordinator.subscribe(pattern) { |event| events << event }
    yield
    expect(eventually { events.size >= enough }).to be(true), -> { "heard only #{drained(events).map(&:name)}" }
    drained(events)
  ensure
    coordinator.unsubscribe(subscription) if subscription
  end

  def drained(queue) = Array.new(queue.size) { queue.pop }

  # A coordinator that an example has dropped may be collected later, and its subscriber's thread ends with it only then.
  before { @threads_before = all_subscriber_threads }

  def all_subscriber_threads = Thread.list.select { |thread| thread.name == "tasker-subscriber" }

  # Those that have begun in this example.
  def subscriber_threads = all_subscriber_threads - @threads_before

  def publish(name, **keys) = coordinator.publish_event(name: name, **keys)

  let(:steps) { [{ name: "a", handler: "fine" }, { name: "b", handler: "fine", depends_on: ["a"] }] }

  before { coordinator.register_handler("fine") { |_| nil } }

  describe "of the core" do
    it "tell the story of a task in its order, with all keys" do
      task_id = nil
      events = heard("*", enough: 7) do
        task_id = create_task(steps, payload: { n: 1 })
        coordinator.orchestrate_task(task_id)
      end

      expect(events.map { |event| [event.name, event.step_name, event.from_state, event.to_state, event.attempt] }).to eq([
        ["task.initialized", nil, nil, "pending", nil],
        ["task.started", nil, "pending", "in_progress", nil],
        ["step.started", "a", "enqueued", "in_progress", 1],
        ["step.completed", "a", "in_progress", "complete", 1],
        ["step.started", "b", "pending", "in_progress", 1],
        ["step.completed", "b", "in_progress", "complete", 1],
        ["task.completed", nil, "in_progress", "complete", nil]
      ])
      context = coordinator.task_context(task_id)
      expect(events).to all(be_a(TaskerCore::Result).and(include(
        "task_id" => task_id, "task_name" => context.name, "namespace" => "default", "correlation_id" => context.correlation_id,
        "at" => match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/), "data" => {}
      )))
      expect(events.map { |event| event["step_id"] }.compact.uniq).to eq(context.steps.map { |step| step["step_id"] })
      expect(events.map(&:keys).uniq).to eq([%w[name task_id step_id task_name namespace step_name from_state to_state attempt
                                                correlation_id at data]])
    end

    it "are one for each entry of the log, and one for the creation" do
      coordinator.register_handler("twice") { |step| step.retry? ? nil : raise("not yet") }
      coordinator.register_handler("never") { |_| raise TaskerCore::PermanentError.new("no", error_code: "declined") }
      task_id = nil
      events = heard("*", enough: 14) do
        task_id = create_task([{ name: "a", handler: "twice", retry: { base_ms: 1 } },
                               { name: "b", handler: "never", depends_on: ["a"] }, { name: "c", handler: "fine", depends_on: ["b"] }])
        coordinator.orchestrate_task(task_id)
        coordinator.retry_step(coordinator.task_context(task_id)["steps"][1]["step_id"])
        coordinator.cancel_task(task_id, reason: "enough")
      end

      log = coordinator.task_context(task_id)["transitions"]
      expect(events.drop(1).map { |event| event.to_h.slice("step_id", "from_state", "to_state", "attempt") })
        .to eq(log.map { |entry| entry.slice("step_id", "from_state", "to_state", "attempt") })
      expect(events.map(&:name)).to include("step.retry_scheduled", "step.failed", "task.failed", "step.enqueued",
                                            "step.cancelled", "task.cancelled")
      said = events.to_h { |event| [event.name, event.data] }
      expect(said["step.retry_scheduled"]).to match("reason" => "RuntimeError: not yet", "next_run_at" => /Z\z/)
      expect(said["step.failed"]).to eq("reason" => "declined")
      expect(said["task.cancelled"]).to eq("reason" => "enough")
    end

    it "keep the order of each task while many run at once" do
      worker = coordinator.start_worker
      fan = Array.new(4) { |i| { name: "s#{i}", handler: "fine", depends_on: i.zero? ? [] : ["s0"] } }
      coordinator.register_template(name: "fan", version: "1.0.0", steps: fan + [{ name: "end", handler: "fine", depends_on: %w[s1 s2 s3] }])
      heard = Queue.new
      ended = Queue.new
      subscription = coordinator.subscribe("*") do |event|
        heard << event if event.task_name == "fan"
        ended << event if event.task_name == "fan" && event.name == "task.completed"
      end
      ids = coordinator.initialize_tasks(Array.new(100) { { task_name: "fan" } }).map(&:task_id)
      expect(eventually(30) { ended.size == 100 }).to be(true)
      events = drained(heard)

      # Steps that have nothing to do with each other may be told of in either order: each by itself, then, and what depends.
      by_step = ->(changes) { changes.group_by(&:first).transform_values { |of_step| of_step.map(&:last) } }
      logs = ids.to_h { |id| [id, by_step[coordinator.task_context(id)["transitions"].map { |entry| entry.values_at("step_id", "to_state") }]] }
      told = events.reject { |event| event.name == "task.initialized" }.group_by(&:task_id)
                   .transform_values { |of_task| of_task.map { |event| event.to_h.values_at("step_id", "to_state") } }
      expect(told.transform_values(&by_step)).to eq(logs)
      told.each do |id, changes|
        first, *middle, last = (0..4).map { |ordinal| (id << 16) + ordinal }
        expect(changes.first).to eq([nil, "in_progress"])
        expect(changes.last).to eq([nil, "complete"])
        middle.each do |step|
          expect(changes.index([first, "complete"])).to be < changes.index { |changed, _| changed == step }
          expect(changes.index([step, "complete"])).to be < changes.index { |changed, _| changed == last }
        end
      end
      expect(events.group_by(&:task_id).values.map { |of_task| of_task.first.name }.uniq).to eq(["task.initialized"])
    ensure
      coordinator.unsubscribe(subscription) if subscription
      worker&.stop
    end

    it "are those of the pattern" do
      events = heard("task.*", enough: 3) { coordinator.orchestrate_task(create_task(steps)) }
      expect(events.map(&:name)).to eq(%w[task.initialized task.started task.completed])

      events = heard("step.completed", enough: 2) { coordinator.orchestrate_task(create_task(steps)) }
      expect(events.map(&:step_name)).to eq(%w[a b])
    end

    it "are heard on every coordinator of the database, and tell nothing of a transaction that is the caller's" do
      other = TaskerCore.create_coordinator_with_config(configuration)
      other.register_handler("fine") { |_| nil }
      events = heard("task.*", enough: 3) { other.orchestrate_task(create_task(steps)) }
      expect(events.size).to eq(3)

      name = coordinator.task_context(events.first.task_id).name
      events = heard("*", enough: 1) do
        TestDatabase.connect(@url) do |connection|
          connection.auto_commit = false
          coordinator.initialize_task(task_name: name, connection: connection)
          connection.commit
        end
        publish("the.end")
      end
      expect(events.map(&:name)).to eq(["the.end"])
    ensure
      other&.close
    end
  end

  describe "of the application" do
    it "reach the subscribers, and the caller" do
      events = heard("order.*", enough: 2) do
        returned = publish("order.refunded", task_id: 7, data: { amount: 12, at: Time.at(0).utc })
        expect(returned).to include("name" => "order.refunded", "task_id" => 7, "step_id" => nil)
        publish("orders.other")
        coordinator.publish_event({ "name" => "order.line.paid" })
      end

      expect(events.map(&:name)).to eq(%w[order.refunded order.line.paid])
      expect(events.first).to include("task_id" => 7, "data" => { "amount" => 12, "at" => "1970-01-01T00:00:00.000Z" })
      expect(events.last).to include("task_id" => nil, "from_state" => nil, "data" => {})
    end

    it "have data as deep and as large as a payload" do
      deep = { "list" => 99.times.reduce(0) { |inner, _| [inner] } }
      small = TaskerCore.create_coordinator_with_config(configuration.merge(max_payload_bytes: 1_024))

      expect(publish("order.deep", data: deep).data).to eq(deep)
      expect(small.publish_event(name: "order.large", data: { "a" => "x" * 1_016 }).data["a"].size).to eq(1_016)
      expect { small.publish_event(name: "order.large", data: { "a" => "x" * 1_017 }) }
        .to raise_error(TaskerCore::ValidationError, /\Adata: .* 1024 bytes/)
    ensure
      small&.close
    end

    it "come from a handler between the beginning and the end of its step" do
      coordinator.register_handler("tells") { |step| publish("order.told", step_id: step.step_id) && nil }
      events = heard("*", enough: 6) { coordinator.orchestrate_task(create_task([{ name: "a", handler: "tells" }])) }

      expect(events.map(&:name).drop(2)).to eq(%w[step.started order.told step.completed task.completed])
    end

    {
      { name: "refunded" } => /\Aname: must be words joined by dots/, { name: "task.done" } => /\Aname: must not begin with task\./,
      { name: "step.done" } => /\Aname: must not begin/, {} => /\Aname: is required/, { name: 7 } => /\Aname: must be a string/,
      { name: "a.b", task_idd: 1 } => /\Atask_idd: is not a known key; did you mean task_id/, { name: "a.b", data: [1] } => /\Adata: must be an object/,
      { name: "a.b", data: { x: Float::NAN } } => /\Adata\.x: /, { name: "a.b", task_id: "7" } => /\Atask_id: must be an integer/,
      { name: "a.b", at: "now" } => /\Aat: is not a known key/
    }.each do |event, message|
      it "are refused as #{event}" do
        expect { coordinator.publish_event(event) }.to raise_error(TaskerCore::ValidationError, message)
      end
    end
  end

  describe "a subscription" do
    it "says what it is, and ends once" do
      subscription = coordinator.subscribe(:"order.*") { |_| nil }
      expect(subscription).to have_attributes(pattern: "order.*", active?: true, inspect: "#<TaskerCore::Subscription order.* active>")
      expect(subscription.stats).to eq("delivered" => 0, "waiting" => 0, "dropped" => 0, "failed" => 0)

      expect([coordinator.unsubscribe(subscription), coordinator.unsubscribe(subscription)]).to eq([true, false])
      expect(subscription).to have_attributes(active?: false, inspect: "#<TaskerCore::Subscription order.* ended>")
    end

    it "hears nothing more once it has ended, and leaves no thread behind" do
      expect(eventually { subscriber_threads.empty? }).to be(true)
      heard = Queue.new
      subscription = coordinator.subscribe("*") { |event| heard << event }
      publish("order.one")
      expect(eventually { heard.size == 1 }).to be(true)
      expect(subscriber_threads.size).to eq(1)
      coordinator.unsubscribe(subscription)
      publish("order.two")

      expect(eventually { subscriber_threads.empty? }).to be(true)
      expect(heard.size).to eq(1)
    end

    it "that raises anything is logged and counted, and harms nobody" do
      coordinator.register_handler("fine") { |_| nil }
      failing = coordinator.subscribe("*") { |event| event.name == "order.one" ? raise(Exception, "no ear for it") : throw(:nowhere) }
      events = heard("*", enough: 2) { %w[order.one order.two].each { |name| publish(name) } }

      expect(events.size).to eq(2)
      expect(eventually { failing.stats.failed == 2 }).to be(true)
      expect(log.string).to match(/WARN.*a subscriber of \* failed on order.one: Exception: no ear for it/)
      expect(coordinator.performance_metrics["subscriber_errors"]).to be >= 2
    ensure
      coordinator.unsubscribe(failing) if failing
    end

    it "goes on when its thread is killed" do
      heard = Queue.new
      subscription = coordinator.subscribe("*") { |event| event.name == "order.kill" ? Thread.exit : heard << event.name }
      %w[order.kill order.after].each { |name| publish(name) }

      expect(eventually { heard.size == 1 }).to be(true)
      expect(heard.pop).to eq("order.after")
    ensure
      coordinator.unsubscribe(subscription) if subscription
    end

    it "forgets its block also when its thread is killed as it ends" do
      blocks = Array.new(5) { WeakRef.new(block_of_killed_subscriber) }

      collected = eventually(20) do
        java.lang.System.gc
        blocks.count(&:weakref_alive?) <= 1 # one may still be on this thread's stack
      end
      expect(collected).to be(true)
    end

    def block_of_killed_subscriber
      subscription = nil
      block = proc { |_| coordinator.unsubscribe(subscription) && Thread.exit }
      subscription = coordinator.subscribe("order.*", &block)
      publish("order.last")
      expect(eventually { !subscription.active? && subscriber_threads.empty? }).to be(true)
      block
    end

    it "goes on with another thread, after a pause, when its thread fails" do
      failures = [RuntimeError.new("no thread for it"), nil]
      subscription = Object.new
      subscription.define_singleton_method(:deliver) { failures.shift&.then { |failure| raise failure } }
      TaskerCore::SubscriberThread.start(subscription)

      expect(eventually { failures.empty? && subscriber_threads.empty? }).to be(true)
      expect(log.string).to match(/WARN.*a subscriber's thread failed.*no thread for it/)
    end

    it "may use the coordinator, and unsubscribe itself" do
      heard = Queue.new
      subscription = coordinator.subscribe("task.completed") do |event|
        heard << coordinator.task_context(event.task_id).status
        coordinator.unsubscribe(subscription)
      end
      2.times { coordinator.orchestrate_task(create_task(steps)) }

      expect(eventually { !subscription.active? && subscriber_threads.empty? }).to be(true)
      expect(drained(heard)).to eq(["complete"])
    end

    it "that a handler makes is not part of the handler, whose place it does not lend out" do
      single = TaskerCore.create_coordinator_with_config(configuration.merge(max_parallel_steps: 1))
      single.register_handler("fine") { |_| {} }
      inner = create_task([{ name: "a", handler: "fine" }])
      done = Queue.new
      single.register_handler("subscribes") do |_|
        single.subscribe("order.made") { |_| single.orchestrate_task(inner) && done << 1 }
        single.publish_event(name: "order.made")
        sleep 0.5
        { "done" => done.size }
      end
      task_id = create_task([{ name: "a", handler: "subscribes" }])
      single.orchestrate_task(task_id)

      expect(single.task_context(task_id)["steps"].first["result"]).to eq("done" => 0)
      expect(eventually { done.size == 1 }).to be(true)
    ensure
      single&.close
    end

    it "drops what it has no room for, and holds nobody up" do
      small = TaskerCore.create_coordinator_with_config(configuration.merge(event_queue_size: 3))
      gate = Queue.new
      heard = Queue.new
      subscription = small.subscribe("order.*") { |event| heard << event.data["n"] && gate.pop }
      publish("order.n", data: { n: 0 })
      expect(eventually { heard.size == 1 }).to be(true)
      (1..10).each { |n| publish("order.n", data: { n: n }) }

      expect(subscription.stats).to eq("delivered" => 1, "waiting" => 3, "dropped" => 7, "failed" => 0)
      gate.close
      expect(eventually { heard.size == 4 }).to be(true)
      expect(drained(heard)).to eq([0, 1, 2, 3])
      expect(eventually { log.string.scan(/a subscriber of order\.\* is slow/).size == 1 }).to be(true)
    ensure
      small&.close
    end

    it "hears the last events when its coordinator is closed, and ends with it" do
      expect(eventually { subscriber_threads.empty? }).to be(true)
      heard = Queue.new
      other = TaskerCore.create_coordinator_with_config(configuration)
      subscription = other.subscribe("order.*") { |event| sleep(0.01) && heard << event.name }
      5.times { publish("order.last") }
      other.close

      expect(heard.size).to eq(5)
      expect(subscription).not_to be_active
      expect(eventually { subscriber_threads.empty? }).to be(true)
      expect { other.subscribe("*") { |_| nil } }.to raise_error(TaskerCore::ClosedError)
      expect { other.publish_event(name: "a.b") }.to raise_error(TaskerCore::ClosedError)
    end

    it "does not keep a dropped coordinator, even if its block refers to it" do
      expect(eventually { subscriber_threads.empty? }).to be(true)
      references = Array.new(5) { WeakRef.new(listening_coordinator) }

      collected = eventually(20) do
        java.lang.System.gc
        references.count(&:weakref_alive?) <= 1 # one may still be on this thread's stack
      end
      expect(collected).to be(true)
      expect(eventually { subscriber_threads.size <= 1 }).to be(true)
    end

    def listening_coordinator
      TaskerCore.create_coordinator_with_config(configuration).tap do |other|
        heard = Queue.new
        other.subscribe("order.*") { |event| heard << event && other.closed? }
        other.publish_event(name: "order.heard")
        heard.pop
      end
    end

    it "needs a pattern that can match, and a block" do
      expect { coordinator.subscribe("task.finished") { |_| nil } }
        .to raise_error(TaskerCore::ValidationError, "pattern: there is no event task.finished, only task.initialized, " \
                                                     "task.started, task.completed, task.failed, task.cancelled, task.resolved_manually")
      ["order", "", "*.refunded", "order.*.x", "a b.c"].each do |pattern|
        expect { coordinator.subscribe(pattern) { |_| nil } }.to raise_error(TaskerCore::ValidationError, /\Apattern: must be/)
      end
      expect { coordinator.subscribe(7) { |_| nil } }.to raise_error(TaskerCore::InvalidTypeError)
      expect { coordinator.subscribe("*") }.to raise_error(TaskerCore::InvalidTypeError, /block/)
      expect { coordinator.unsubscribe("*") }.to raise_error(TaskerCore::InvalidTypeError)
      expect { coordinator.publish_event("order.refunded") }.to raise_error(TaskerCore::InvalidTypeError)
    end
  end
end
