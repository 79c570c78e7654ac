# frozen_string_literal: true

require "logger" # Active Job before 7.1 counts on others to load it
require "tasker_core/active_job"
require "active_support/core_ext/numeric/time"
require "active_support/core_ext/object/with_options"
require "global_id"
require "sequel"
require_relative "../support/workflows"

# Jobs of Active Job, enqueued and performed for real, by a worker.
module AdapterSpec
  PERFORMED = Queue.new

  # A record that GlobalID can find.
  Person = Struct.new(:id) do
    include GlobalID::Identification

    def self.find(id) = id.to_i == 404 ? raise(KeyError, "no person #{id}") : new(id.to_i)
  end

  class Job < ActiveJob::Base
    queue_as :testing

    def perform(*arguments, **options) = note(arguments: arguments, options: options)

    def note(**more)
      PERFORMED << { job: self.class, id: job_id, provider_id: provider_job_id, executions: executions, locale: I18n.locale,
                     zone: Time.zone&.name, queue: queue_name, priority: priority, **more }
    end
  end

  class Busy < StandardError; end
  class Hopeless < StandardError; end

  class Retried < Job
    retry_on Busy, wait: 0, attempts: 3
    discard_on Hopeless

    def perform(error = Busy, until_execution = 3)
      note
      raise error, "engaged" if executions < until_execution
    end
  end

  class Unrescued < Job
    def perform
      note
      raise Busy, "nobody rescues it"
    end
  end

  class Nested < Job
    def perform = Job.perform_later("from inside")
  end

  # As a job of Rails 8.1 with continuations asks it at its checkpoints.
  class Asking < Job
    def perform
      note(stopping: queue_adapter.stopping?)
      sleep 0.01 until queue_adapter.stopping?
      note(stopping: true)
    end
  end

  class Interrupted < Job
    def perform
      note
      sleep
    end
  end
end

RSpec.describe "ActiveJob::QueueAdapters::TaskerCoreAdapter" do
  include Workflows

  def adapter_class = ActiveJob::QueueAdapters::TaskerCoreAdapter

  def adapter(**options) = adapter_class.new(coordinator: coordinator, **options)

  around do |example|
    GlobalID.app = "adapter-spec"
    GlobalID::Locator.use("adapter-spec") { |gid| AdapterSpec.const_get(gid.model_name.demodulize).find(gid.model_id) }
    logger, ActiveJob::Base.logger = ActiveJob::Base.logger, Logger.new(nil)
    AdapterSpec::Job.queue_adapter = adapter
    AdapterSpec::PERFORMED.clear
    example.run
  ensure
    @worker&.stop # before it may log again
    ActiveJob::Base.logger = logger
  end

  def worker = @worker ||= coordinator.start_worker(namespaces: [adapter_class.namespace(:testing)])

  # The next that a job has noted.
  def performed
    worker
    expect(eventually(30) { !AdapterSpec::PERFORMED.empty? }).to be(true)
    AdapterSpec::PERFORMED.pop
  end

  def task(job) = coordinator.task_context(job.provider_job_id)

  def ended(job)
    worker
    expect(eventually(30) { %w[complete error].include?(task(job).status) }).to be(true)
    task(job)
  end

  it "is found by its name" do
    expect(ActiveJob::QueueAdapters.lookup(:tasker_core)).to equal(adapter_class)
    job = Class.new(ActiveJob::Base) { self.queue_adapter = :tasker_core }

    expect(job.queue_adapter).to be_a(adapter_class)
    expect(job.queue_adapter_name).to eq("tasker_core")
  end

  it "performs a job, with its arguments" do
    person = AdapterSpec::Person.new(7)
    job = AdapterSpec::Job.perform_later(1, 2**70, 1.5, "ä", nil, true, [:symbol], { "a" => { b: 1 } }, person, 3.minutes, Date.new(2026, 1, 2), key: "word")

    expect(performed).to include(
      job: AdapterSpec::Job, id: job.job_id, provider_id: job.provider_job_id, executions: 1, queue: "testing", options: { key: "word" },
      arguments: [1, 2**70, 1.5, "ä", nil, true, [:symbol], { "a" => { b: 1 } }, person, 3.minutes, Date.new(2026, 1, 2)]
    )
    expect(ended(job)).to include(
      "namespace" => "active_job:testing", "name" => "AdapterSpec::Job", "status" => "complete", "correlation_id" => job.job_id, "initiator" => "active_job"
    )
  end

  it "keeps locale and time zone" do
    locales, I18n.available_locales = I18n.available_locales, %i[en de]
    zone = Time.zone
    I18n.with_locale(:de) do
      Time.zone = "Hawaii"
      AdapterSpec::Job.perform_later
    ensure
      Time.zone = zone
    end

    expect(performed).to include(locale: :de, zone: "Hawaii")
  ensure
    I18n.available_locales = locales
  end

  it "tells a job that its worker is about to stop" do
    expect(adapter.stopping?).to be(false)
    job = AdapterSpec::Asking.perform_later
    expect(performed).to include(stopping: false)

    worker.quiet

    expect(ended(job)["status"]).to eq("complete")
    expect(AdapterSpec::PERFORMED.pop).to include(stopping: true)
  end

  it "takes only jobs of the queues that a worker asks for" do
    other = AdapterSpec::Job.set(queue: :other).perform_later("other")
    AdapterSpec::Job.perform_later("ours")

    expect(performed).to include(arguments: ["ours"])
    expect(task(other)).to include("namespace" => "active_job:other", "status" => "pending")
    elsewhere = coordinator.start_worker(namespaces: [adapter_class.namespace("other")])
    expect(performed).to include(arguments: ["other"], queue: "other")
  ensure
    elsewhere&.stop
  end

  it "waits as long as it is told to" do
    at = Time.at(Time.now.to_i + 86_400)
    job = AdapterSpec::Job.set(wait_until: at).perform_later
    soon = AdapterSpec::Job.set(wait: 1.second).perform_later("soon")
    asked = Time.now

    expect(Time.iso8601(task(job)["steps"].first["next_run_at"])).to eq(at)
    expect(performed).to include(arguments: ["soon"])
    expect(Time.iso8601(ended(soon)["steps"].first["started_at"]) - asked).to be > 0.5
    expect(task(job).status).to eq("pending")
  end

  it "performs lower numbers first, as Active Job's adapters do" do
    jobs = { 300 => -100, 10 => -10, nil => 0, 0 => 0, -5 => 5, -300 => 100 }
    enqueued = jobs.keys.shuffle.map { |priority| [priority, AdapterSpec::Job.set(**{ priority: priority }.compact).perform_later(priority)] }
    enqueued.each { |priority, job| expect(task(job).priority).to eq(jobs[priority]) }
    one_by_one = TaskerCore.create_coordinator_with_config(configuration.merge(max_parallel_steps: 1))
    @worker = one_by_one.start_worker(namespaces: [adapter_class.namespace(:testing)])
    order = Array.new(6) { performed[:arguments].first }

    expect(order.first(2)).to eq([-300, -5])
    expect(order.last(2)).to eq([10, 300])
  ensure
    one_by_one&.close
  end

  it "enqueues a job anew when retry_on says so, as a task of its own" do
    job = AdapterSpec::Retried.perform_later
    noted = Array.new(3) { performed }

    expect(noted.map { |one| one[:executions] }).to eq([1, 2, 3])
    expect(noted.map { |one| one[:id] }.uniq).to eq([job.job_id])
    expect(noted.map { |one| one[:provider_id] }.uniq.size).to eq(3)
    expect(noted.map { |one| task(Struct.new(:provider_job_id).new(one[:provider_id]))["correlation_id"] }.uniq).to eq([job.job_id])
    expect(ended(job).status).to eq("complete")
  end

  it "fails a job whose attempts are used up, or that nobody rescues; an operator may let it run again" do
    exhausted = AdapterSpec::Retried.perform_later(AdapterSpec::Busy, 99)
    last = Array.new(3) { performed }.last
    expect(last).to include(id: exhausted.job_id, executions: 3)
    job = AdapterSpec::Unrescued.perform_later
    expect(performed).to include(job: AdapterSpec::Unrescued, executions: 1)
    step = ended(job)["steps"].first

    expect(step).to include("state" => "error", "attempts" => 1)
    expect(step["error"]).to include("class" => "AdapterSpec::Busy", "message" => "nobody rescues it")
    expect(ended(Struct.new(:provider_job_id).new(last[:provider_id])).status).to eq("error")
    coordinator.retry_step(step["step_id"])
    expect(performed).to include(job: AdapterSpec::Unrescued, id: job.job_id)
  end

  it "tries such a job again where the adapter is told to" do
    AdapterSpec::Job.queue_adapter = adapter(max_attempts: 2)
    job = AdapterSpec::Unrescued.perform_later

    2.times { expect(performed).to include(id: job.job_id) }
    expect(ended(job)["steps"].first).to include("state" => "error", "attempts" => 2)
  end

  it "completes a job that is discarded" do
    job = AdapterSpec::Retried.perform_later(AdapterSpec::Hopeless)

    expect(ended(job).status).to eq("complete")
    expect(AdapterSpec::PERFORMED.size).to eq(1)
  end

  it "fails a job whose record is gone" do
    job = AdapterSpec::Job.perform_later(AdapterSpec::Person.new(404))

    expect(ended(job)["steps"].first["error"]["class"]).to eq("ActiveJob::DeserializationError")
  end

  it "leaves a job whose class it cannot load to a process that can, at no attempt's cost" do
    stub_const("AdapterSpec::Newer", newer = Class.new(AdapterSpec::Job))
    job = newer.perform_later("newer")
    hide_const("AdapterSpec::Newer")
    AdapterSpec::Job.perform_later("known")

    expect(performed).to include(arguments: ["known"])
    expect(task(job)).to include("status" => "pending", "steps" => [include("attempts" => 0)])
    expect(coordinator.explain(job.provider_job_id)["steps"].first.to_s).to match(/JobHandler\[AdapterSpec::Newer\]/)
    stub_const("AdapterSpec::Newer", newer)
    elsewhere = TaskerCore.create_coordinator_with_config(configuration)
    elsewhere.start_worker
    expect(performed).to include(arguments: ["newer"])
  ensure
    elsewhere&.close
  end

  it "interrupts what takes longer than the adapter allows" do
    AdapterSpec::Job.queue_adapter = adapter(timeout_ms: 100)
    job = AdapterSpec::Interrupted.perform_later

    expect(ended(job)["steps"].first["error"]["error_code"]).to eq("timeout")
  end

  it "lets jobs enqueue others" do
    TaskerCore.swap_coordinator(coordinator).tap { |before| @before = before }
    AdapterSpec::Nested.perform_later

    expect(performed).to include(arguments: ["from inside"])
  ensure
    TaskerCore.swap_coordinator(@before)
  end

  it "enqueues many at once, all or none", if: ActiveJob.respond_to?(:perform_all_later) do
    jobs = Array.new(30) { |n| AdapterSpec::Job.new(n) }
    later = AdapterSpec::Job.new("later").set(wait: 1.day)
    ActiveJob.perform_all_later(jobs, later)

    expect([*jobs, later]).to all(be_successfully_enqueued)
    expect(jobs.map(&:provider_job_id).uniq.size).to eq(30)
    expect(task(later)["steps"].first["next_run_at"]).not_to be_nil
    expect(Array.new(30) { performed[:arguments].first }.sort).to eq((0..29).to_a)
    before = coordinator.list_tasks(limit: 1_000)["tasks"].size
    expect { ActiveJob.perform_all_later(AdapterSpec::Job.new(1), AdapterSpec::Job.new("\xff".b)) }
      .to raise_error(TaskerCore::ValidationError, /\[1\]\.payload\.arguments\[0\]/)
    expect(coordinator.list_tasks(limit: 1_000)["tasks"].size).to eq(before)
  end

  it "enqueues jobs in the application's transaction where it is told of the connection" do
    uri = URI(@url)
    database = Sequel.connect("jdbc:postgresql://#{uri.host}:#{uri.port}#{uri.path}?user=#{uri.user}")
    AdapterSpec::Job.queue_adapter = adapter(connection: -> { database })
    rolled_back = nil
    database.transaction(rollback: :always) { rolled_back = AdapterSpec::Job.perform_later("rolled back") }
    kept = database.transaction { AdapterSpec::Job.perform_later("kept") }

    expect(performed).to include(arguments: ["kept"], provider_id: kept.provider_job_id)
    expect { task(rolled_back) }.to raise_error(TaskerCore::TaskNotFoundError)
    expect(adapter(connection: -> { database }).enqueue_after_transaction_commit?).to be(false)
    expect(adapter.enqueue_after_transaction_commit?).to be(true)
  ensure
    database&.disconnect
  end

  it "may be given other options on a database that has jobs of the former ones" do
    TaskerCore.create_coordinator_with_config(configuration.merge(environment: "production")).tap do |production|
      [1, 2].each do |max_attempts|
        AdapterSpec::Job.queue_adapter = adapter_class.new(coordinator: production, max_attempts: max_attempts)
        AdapterSpec::Job.perform_later(max_attempts)
      end
      production.close
    end

    expect(Array.new(2) { performed[:arguments].first }.sort).to eq([1, 2])
  end

  it "registers its templates anew where the database was emptied" do
    url = TestDatabase.create
    other = TaskerCore.create_coordinator_with_config(database_url: url, auto_migrate: true)
    own = adapter_class.new(coordinator: other)
    job = -> { AdapterSpec::Job.new(1).tap { |fresh| fresh.queue_name = "testing" } }
    own.enqueue(job.call)
    TestDatabase.empty(url)

    expect(own.enqueue(job.call).task_id).to eq(1)
    if ActiveJob.respond_to?(:perform_all_later)
      TestDatabase.empty(url)
      expect(own.enqueue_all([job.call, job.call])).to eq(2)
    end
  ensure
    other&.close
  end

  it "refuses what cannot be a queue's name" do
    expect { AdapterSpec::Job.set(queue: "no such queue!").perform_later }.to raise_error(TaskerCore::ValidationError, /namespace/)
  end
end
