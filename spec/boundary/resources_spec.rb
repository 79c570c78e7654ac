# frozen_string_literal: true

require "weakref"
require_relative "../support/cuttable_wire"
require_relative "../support/hostile_values"
require_relative "../support/public_calls"
require_relative "../support/resources"
require_relative "../support/workflows"

# What a process holds on to, and what it gives back.
RSpec.describe "Resources" do
  include Workflows

  # No coordinator but the example's own: the group's would hold threads and connections meanwhile.
  before(:all) do
    @coordinator.close
    @before = Resources.threads
  end

  before { @url = TestDatabase.create.tap { |url| TaskerCore.migrate!(url) } }

  # Threads that idle retire after some seconds; what another example has dropped is collected by then, too.
  def expect_nothing_left
    left = nil
    clean = eventually(60) { java.lang.System.gc || (left = [Resources.connections(@url), (Resources.threads - @before).map(&:name)]) == [0, []] }
    expect(left).to eq([0, []]) unless clean
  end

  def open(**settings) = TaskerCore.create_coordinator_with_config({ database_url: @url }.merge(settings))

  def use(coordinator)
    coordinator.register_handler("plain") { |_| coordinator && {} }
    expect(coordinator.handle_task(task_name: "plain")["status"]).to eq("complete")
  end

  def prepare(coordinator) = coordinator.tap { |one| one.register_template(PublicCalls::TEMPLATE) }

  # Their handlers refer to them, as blocks do.
  it "of a thousand coordinators that are used once and dropped are one pool's, and come back" do
    keeper = prepare(open)
    100.times { use(open) } # what is loaded and compiled on the way is no growth
    heap = Resources.heap
    pools = most = 0
    dropped = Array.new(1_000) do |i|
      reference = WeakRef.new(open.tap { |coordinator| use(coordinator) })
      next reference unless (i % 50).zero?

      java.lang.System.gc
      pools = [pools, Resources.pools(@url)].max
      most = [most, Resources.connections(@url)].max
      reference
    end

    expect(pools).to eq(1)
    expect(most).to be <= 20
    expect(eventually(30) { Resources.heap - heap < 5 << 20 }).to be(true)
    # The last one may still be on this thread's stack.
    expect(eventually(60) { java.lang.System.gc || dropped.count(&:weakref_alive?) <= 1 }).to be(true)
  ensure
    keeper&.close
  end

  it "of every kind of handle are given back by close" do
    coordinators = Array.new(5) { prepare(open) }
    coordinators.each do |coordinator|
      coordinator.start_worker
      coordinator.subscribe("*") { |_| nil }
      use(coordinator)
    end
    coordinators.flat_map { |coordinator| Array.new(3) { Thread.new { coordinator.close } } }.each(&:join)

    expect_nothing_left
  end

  it "are given back after every kind of call with every kind of argument, while the database comes and goes" do
    wire = CuttableWire.new(@url)
    coordinator = prepare(open(database_url: wire.url, connection_timeout_ms: 250))
    use(coordinator)
    calls = PublicCalls.new(coordinator, wire.url).to_h
    pairs = calls.keys.product(HostileValues.names).shuffle(random: Random.new(RSpec.configuration.seed)).first(400)
    weather = Thread.new { loop { (wire.cut && sleep(0.1)) || (wire.mend || sleep(0.3)) } }
    pairs.each_slice(100).map { |some| Thread.new { some.each { |name, value| call(calls[name], value) } } }.each(&:join)
    weather.kill.join
    wire.mend
    coordinator.close
    wire.close

    expect_nothing_left
  end

  def call(call, value)
    call.call(HostileValues.make(value))
  rescue StandardError
    nil # which errors these are is another spec's matter
  end

  describe "of a coordinator that is dropped" do
    # One line of code, for all of them.
    def drop(count) = Array.new(count) { use(prepare(TaskerCore.create_coordinator_with_config(database_url: @url))) }.size

    def line_of_drop = method(:drop).source_location.join(":")

    def collected? = eventually(60) { java.lang.System.gc || yield }

    it "are reported once, with the line that made it" do
      drop(5)

      expect(collected? { log.string.include?("made at #{line_of_drop} was dropped without close") }).to be(true)
      drop(5)
      expect(collected? { Resources.connections(@url) <= 2 }).to be(true)
      expect(log.string.scan(/WARN .*a coordinator made at #{Regexp.escape(line_of_drop)} was dropped without close/).size).to eq(1)
    end

    it "are no matter for a report when it was closed, or is in use by its worker" do
      2.times { prepare(TaskerCore.create_coordinator_with_config(database_url: @url)).close }
      worker = TaskerCore.create_coordinator_with_config(database_url: @url).start_worker
      5.times { java.lang.System.gc || sleep(0.1) }

      expect(worker).to be_running
      expect(log.string).not_to match(/made at #{Regexp.escape(__FILE__)}:#{__LINE__ - 4}/)
      expect(worker.stop).to be(true)
    end
  end
end
