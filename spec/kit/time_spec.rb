# frozen_string_literal: true

require "timeout"
require_relative "../support/kit"

# The clock that the core, PostgreSQL and an example share.
RSpec.describe "The time of workflows in examples", :tasker_core do
  def hour = 3_600

  def register(*steps, **template)
    tasker.register_template({ name: "slow", version: "1.0.0", steps: steps }.merge(template))
  end

  # Real time; generous enough for a slow machine, and far less than what passes.
  def expect_to_take_no_time
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be < 60
  end

  let(:start) { workflow_time }

  it "passes at once while a workflow waits for its retries, its run_at and its time-outs" do
    start
    stub_handler("busy") { |context| context.attempt < 4 ? raise("busy") : { "at" => workflow_time } }
    stub_handler("hangs") { |context| context.retry? ? {} : pass_time(2 * hour) }
    register({ name: "busy", handler: "busy", retry: { base_ms: hour * 1_000, max_ms: 24 * hour * 1_000, backoff: "fixed", jitter: 0, max_attempts: 4 } },
             { name: "hangs", handler: "hangs", depends_on: ["busy"], timeout_ms: hour * 1_000, retry: { jitter: 0 } })
    expect_to_take_no_time do
      @run = run_workflow("slow", run_at: Time.now + (24 * hour))
    end

    expect(@run).to have_completed
    expect(@run).to have_step(:busy).with_attempts(4)
    expect(@run).to have_step(:hangs).with_attempts(2)
    expect(workflow_time - start).to be_between(29 * hour, 30 * hour)
    times = @run.context["transitions"].select { |change| change["step_name"] == "busy" && change["to_state"] == "in_progress" }
    waits = times.map { |change| Time.iso8601(change["at"]) }.each_cons(2).map { |before, after| after - before }
    expect(waits).to all(be_between(hour, hour + 60))
  end

  it "is the handlers' too: a deadline, and events" do
    seen = Queue.new
    pass_time(hour)
    stub_handler("a") { |context| { "left" => context.deadline - workflow_time } }
    tasker.subscribe("task.completed") { |event| seen << event }
    register({ name: "a", handler: "a", timeout_ms: 30_000 })

    expect(run_workflow("slow")).to have_step(:a).with_result(left: be_between(0, 31))
    event = Timeout.timeout(20) { seen.pop }
    expect(Time.iso8601(event.at) - Time.now).to be_between(hour - 60, hour + 1)
    expect(event.namespace).to eq("default")
  end

  it "interrupts a handler whose time is up in the very call in which time passes" do
    after = []
    stub_handler("a") do |context|
      next {} if context.retry?

      begin
        pass_time(31)
        after << :went_on
      ensure
        after << :cleaned_up
      end
    end
    register({ name: "a", handler: "a", timeout_ms: 30_000 })

    expect(run_workflow("slow")).to have_completed
    expect(after).to eq([:cleaned_up])
  end

  it "lets a handler go on whose time is not up" do
    stub_handler("a") { |_| 3.times { pass_time(9) } && {} }
    register({ name: "a", handler: "a", timeout_ms: 30_000 })

    expect(run_workflow("slow")).to have_step(:a).with_attempts(1)
  end

  it "stands where the example wants it to" do
    stub_handler("a") { |context| context.retry? ? {} : raise("once more") }
    register({ name: "a", handler: "a", retry: { base_ms: hour * 1_000, max_ms: hour * 1_000, jitter: 0 } })

    run = run_workflow("slow", timeout: hour / 2)
    expect(run).to have_step(:a).in_state("waiting_for_retry")
    expect(run.outcome["next_run_at"]).not_to be_nil
    expect(run_task(run, timeout: hour / 4)).to have_step(:a).in_state("waiting_for_retry")
    expect(run_task(run)).to have_completed
  end

  it "brings a worker to what has become due" do
    stub_handler("a", {})
    register({ name: "a", handler: "a" })
    created = tasker.initialize_task(task_name: "slow", run_at: Time.now + (24 * hour))
    ended = Queue.new
    tasker.subscribe("task.completed") { |event| ended << event.task_id }
    worker = tasker.start_worker
    pass_time(25 * hour)

    expect(Timeout.timeout(30) { ended.pop }).to eq(created.task_id)
    expect(worker.stop).to be(true)
  end

  it "is real time again in the next example" do
    expect(workflow_time).to be_within(60).of(Time.now)
  end

  it "does not go back" do
    expect { pass_time(-1) }.to raise_error(TaskerCore::ValidationError, /milliseconds/)
    expect { TaskerCore::RSpec.stage.clock.advance("soon") }.to raise_error(TaskerCore::InvalidTypeError)
  end

  it "does not make processes look dead that are not, nor its own look alive for longer" do
    url = TaskerCore::RSpec.settings.database_url
    insert = "INSERT INTO tasker.processes (host, pid, lease_until, handlers) VALUES ('%s', 1, now() + interval '%s', '{}')"
    TestDatabase.execute(format(insert, "alive", "30 minutes"), url: url)
    TestDatabase.execute(format(insert, "dead", "-1 hour"), url: url)
    stub_handler("a", {})
    register({ name: "a", handler: "a" })
    pass_time(2 * hour)
    expect(run_workflow("slow")).to have_completed # with its claim the process begins to look after others
    hosts = -> { TestDatabase.execute("SELECT host FROM tasker.processes WHERE dead_at IS NULL", url: url).map { |row| row["host"] } }
    waiting = Thread.new { sleep 0.05 while hosts.call.include?("dead") }

    expect(waiting.join(30)).to eq(waiting)
    expect(hosts.call).to include("alive")
    expect(TestDatabase.execute("SELECT count(*) AS n FROM tasker.processes WHERE lease_until > now() + interval '1 hour'", url: url).first["n"]).to eq(0)
  ensure
    waiting&.kill
    TestDatabase.execute("DELETE FROM tasker.processes WHERE host IN ('alive', 'dead')", url: url)
  end

  it "is nobody else's: leases and other coordinators stay in real time" do
    url = TaskerCore::RSpec.settings.database_url
    elsewhere = TaskerCore.create_coordinator_with_config(database_url: url, lease_ms: 1_000)
    gate = Queue.new
    begun = Queue.new
    elsewhere.register_handler("kit.elsewhere") { |_| (begun << true) && gate.pop && nil }
    elsewhere.register_template(name: "elsewhere", version: "1.0.0", steps: [{ name: "a", handler: "kit.elsewhere", timeout_ms: 600_000 }])
    task_id = elsewhere.initialize_task(task_name: "elsewhere").task_id
    running = Thread.new { elsewhere.orchestrate_task(task_id) }
    Timeout.timeout(30) { begun.pop }
    stub_handler("a") { |_| raise "busy" }
    register({ name: "a", handler: "a", retry: { base_ms: hour * 1_000, max_ms: hour * 1_000 } })

    expect(run_workflow("slow")).to have_failed
    gate << true
    running.join(30)
    context = elsewhere.task_context(task_id)
    expect(context["steps"].first).to include("state" => "complete", "attempts" => 1)
    expect(Time.iso8601(context["completed_at"])).to be_within(60).of(Time.now)
  ensure
    gate&.close
    elsewhere&.close
  end
end
