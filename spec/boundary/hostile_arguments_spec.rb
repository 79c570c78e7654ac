# frozen_string_literal: true

require_relative "../support/cuttable_wire"
require_relative "../support/hostile_values"
require_relative "../support/public_calls"
require_relative "../support/workflows"

# Whatever is given to whichever method, in whatever state the database is: it works, or it raises one of our errors, in order.
RSpec.describe "Wrong arguments" do
  include Workflows

  before(:all) do
    @coordinator.register_handler("plain") { |_| {} }
    @coordinator.register_template(PublicCalls::TEMPLATE)
  end

  # What a caller may see; an InternalError would be a bug of ours.
  OUR_ERRORS = [
    TaskerCore::TaskNotFoundError, TaskerCore::StepNotFoundError, TaskerCore::TemplateNotFoundError, TaskerCore::ValidationError,
    TaskerCore::IdempotencyConflictError, TaskerCore::ConfigurationError, TaskerCore::InvalidTypeError, TaskerCore::DatabaseError,
    TaskerCore::StateError, TaskerCore::ClosedError
  ].freeze

  # Java's, SQL's and the server's words, and what would be a password.
  NOT_FOR_CALLERS = /\b(?!java\.sql\.Connection)[a-z]+(\.[a-z]+)+\.[A-Z]|\.java:|\bSELECT\b|\bINSERT\b|hunter2/

  # @return [Array<String>] what is wrong with what the block raises; empty if nothing is, or it returns
  def complaints
    yield
    []
  rescue TaskerCore::Error => e
    found = []
    found << "is a #{e.class}: #{e.message}" unless OUR_ERRORS.include?(e.class)
    found << "has a cause: #{e.cause.class}" if e.cause
    found << "begins at #{e.backtrace&.first}" unless e.backtrace&.first.to_s.start_with?(File.expand_path("..", __dir__))
    found << "says #{e.message[0, 300]}" if e.message.match?(NOT_FOR_CALLERS) || e.message.size > 5_000 || !e.message.valid_encoding?
    found << "has no reference" unless e.reference
    found
  rescue Exception => e # rubocop:disable Lint/RescueException
    ["lets a #{e.class} through: #{e.message[0, 200]} #{e.backtrace&.first(3)}"]
  end

  # These objects are called, not converted: what they raise is the application's, and passes as it is.
  CALLED_OBJECTS = /connection: _|Monitor|TaskHandler\.new/

  # Each of the pairs, on several threads.
  #
  # @return [Hash{String => Array}] complaints, and with which values they came
  def attack(calls, pairs, threads: 4)
    queue = Queue.new.tap { |waiting| pairs.each { |pair| waiting << pair } }
    found = Queue.new
    Array.new(threads) do
      Thread.new do
        while (pair = queue.pop(true) rescue nil) # rubocop:disable Style/RescueModifier
          name, value = pair
          complaints { calls.fetch(name).call(HostileValues.make(value)) }.each { |what| found << ["#{name} #{what}", value] }
        end
      end
    end.each(&:join)
    Array.new(found.size) { found.pop }.group_by(&:first).transform_values { |same| same.map(&:last) }
  end

  def pairs(calls)
    all = calls.keys.product(HostileValues.names).reject { |name, value| value == :liar && CALLED_OBJECTS.match?(name) }
    all.shuffle(random: Random.new(RSpec.configuration.seed))
  end

  # A coordinator that reaches the database by way of a wire that can be cut.
  def with_wire(query: "", **settings)
    wire = CuttableWire.new(@url)
    url = wire.url + query
    other = TaskerCore.create_coordinator_with_config({ database_url: url, connection_timeout_ms: 250 }.merge(settings))
    other.register_handler("plain") { |_| {} }
    yield wire, other, PublicCalls.new(other, wire.url).to_h
  ensure
    wire&.mend
    other&.close
    wire&.close
  end

  # Whatever is right to give, in most places.
  def right_arguments(calls) = calls.keys.product(%i[fixnum string empty_hash])

  it "raise nothing but our errors while the database is up" do
    calls = PublicCalls.new(coordinator, @url).to_h

    expect(attack(calls, pairs(calls))).to eq({})
  end

  it "raise nothing but our errors while the database is down" do
    with_wire do |wire, other, calls|
      wire.cut

      expect(attack(calls, pairs(calls).first(500) + right_arguments(calls), threads: 16)).to eq({})
      expect { other.task_context(1) }.to raise_error(TaskerCore::DatabaseError, /\ADatabase error: /)
      wire.mend
      expect(eventually { working?(other) }).to be(true)
    end
  end

  it "raise nothing but our errors while the database comes and goes" do
    with_wire do |wire, other, calls|
      weather = Thread.new { loop { (wire.cut && sleep(0.1)) || (wire.mend || sleep(0.3)) } }

      expect(attack(calls, pairs(calls).first(500) + right_arguments(calls), threads: 8)).to eq({})
      weather.kill.join
      wire.mend
      expect(eventually { working?(other) }).to be(true)
    end
  end

  it "raise nothing but our errors while the pool is exhausted" do
    # The one that waits for the lock waits for longer than the server is given to answer otherwise.
    with_wire(database_pool_size: 1, query: "?socketTimeout=600") do |_, other, calls|
      TestDatabase.connect(@url) do |connection|
        connection.auto_commit = false
        connection.create_statement.execute("LOCK TABLE tasker.tasks IN ACCESS EXCLUSIVE MODE")
        holder = Thread.new { other.list_tasks }
        expect(eventually { other.health["pool"]["active"] == 1 }).to be(true)

        # Another coordinator on the same database would widen the pool, and wait for the lock.
        calls = calls.reject { |name, _| name.match?(/create_coordinator|migrate|reconfigure\(\w/) }
        expect(attack(calls, pairs(calls).first(300) + right_arguments(calls), threads: 16)).to eq({})
        expect { other.task_context(1) }.to raise_error(TaskerCore::DatabaseError, /no connection to be had from the pool/)
        connection.rollback
        expect(holder.value).to include("tasks")
      end
    end
  end

  it "raise nothing but our errors on a coordinator that is closed" do
    other = TaskerCore.create_coordinator_with_config(configuration)
    other.register_handler("plain") { |_| {} }
    calls = PublicCalls.new(other, @url).to_h
    other.close

    expect(attack(calls, pairs(calls).first(500) + right_arguments(calls))).to eq({})
  end

  def working?(other)
    other.handle_task(task_name: "plain")["status"] == "complete"
  rescue TaskerCore::DatabaseError
    false
  end
end
