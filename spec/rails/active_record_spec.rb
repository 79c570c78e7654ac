# frozen_string_literal: true

require_relative "rails_helper"
require_relative "support/jdbc_stand_in"

# ActiveRecord itself, on an adapter that stands in for those of JDBC.
RSpec.describe "ActiveRecord" do
  include Patience

  before(:all) do
    @url = RailsApp::DATABASE_URL
    ActiveRecord::Base.establish_connection(adapter: "jdbc_stand_in", jdbc_url: @url, pool: 2, checkout_timeout: 0.1)
    TestDatabase.execute("CREATE TABLE IF NOT EXISTS notes (id integer PRIMARY KEY)", url: @url)
    TaskerCore.register_handler("ar.plain") { |_| {} }
    TaskerCore.register_template(name: "ar", version: "1.0.0", steps: [{ name: "a", handler: "ar.plain" }])
  end

  after(:all) { ActiveRecord::Base.remove_connection }

  let(:base) { ActiveRecord::Base }
  let(:connection) { base.respond_to?(:lease_connection) ? base.lease_connection : base.connection }

  after { base.connection_handler.clear_active_connections! }

  def request = { task_name: "ar" }

  def count(of = "tasker.tasks WHERE name = 'ar'") = TestDatabase.execute("SELECT count(*) AS n FROM #{of}", url: @url).first["n"]

  describe "in handlers" do
    # One for each handler is there, but for a moment.
    def exhausted
      held = Array.new(2) { base.connection_pool.checkout }
      yield
    ensure
      held.each { |one| base.connection_pool.checkin(one) }
    end

    it "is to be had again on a thread that got none while its pool was exhausted" do
      asked = Queue.new
      TaskerCore.register_handler("ar.asks") { |_| { "threads" => [asked << Thread.current.name].size, "one" => base.connection.select_rows("SELECT 1") } }
      TaskerCore.register_template(name: "asks", version: "1.0.0", steps: [{ name: "a", handler: "ar.asks", retry: { max_attempts: 1 } }])
      refused = nil
      exhausted { refused = TaskerCore.handle_task(task_name: "asks") }
      expect(refused.status).to eq("error")

      outcomes = Array.new(20) { TaskerCore.handle_task(task_name: "asks").status }

      expect(outcomes).to all(eq("complete"))
      expect(Array.new(asked.size) { asked.pop }.tally.values.max).to be > 1 # a thread was asked again
    end

    it "gives its connections back when a handler has ended, in whatever way" do
      TaskerCore.register_handler("ar.takes") do |context|
        base.connection.select_rows("SELECT 1")
        raise TaskerCore::PermanentError, "no" if context.payload["fail"]
      end
      TaskerCore.register_template(name: "takes", version: "1.0.0", steps: [{ name: "a", handler: "ar.takes" }])

      [true, false].each { |fail| TaskerCore.handle_task(task_name: "takes", payload: { fail: fail }) }

      expect(eventually { base.connection_pool.stat[:busy].zero? }).to be(true)
    end

    it "warns where its pool is smaller than the handlers' places, once" do
      lines = []
      allow(TaskerCore::Log).to receive(:warn) { |line| lines << line }
      TaskerCore::Rails::ActiveRecordPools.instance_variable_set(:@told, nil)

      2.times { TaskerCore::Rails::ActiveRecordPools.warn_of_small_ones(3) }
      TaskerCore::Rails::ActiveRecordPools.warn_of_small_ones(2)

      expect(lines).to match([a_string_including("has 2 connections, and 3 handlers run at once", "max_parallel_steps", "config/database.yml")])
    end

    it "is asked for that when a coordinator is made" do
      TaskerCore.close
      allow(TaskerCore::Rails::ActiveRecordPools).to receive(:warn_of_small_ones)

      TaskerCore.coordinator

      expect(TaskerCore::Rails::ActiveRecordPools).to have_received(:warn_of_small_ones).with(10)
    end
  end

  describe "as connection:" do
    def expect_transactional(holder)
      before = count
      base.transaction do
        TaskerCore.initialize_task(request, connection: holder)
        TaskerCore.initialize_tasks([request, request], connection: holder)
        expect(count).to eq(before)
        raise ActiveRecord::Rollback
      end
      expect(count).to eq(before)
      base.transaction { TaskerCore.initialize_task(request, connection: holder) }
      expect(count).to eq(before + 1)
    end

    it "has the task in its transaction: itself, a class of models, the base of all" do
      model = Class.new(base) { self.abstract_class = true }

      [connection, model, base].each { |holder| expect_transactional(holder) }
    end

    it "has the task in its savepoint" do
      before = count
      base.transaction do
        TaskerCore.initialize_task(request, connection: base)
        base.transaction(requires_new: true) do
          TaskerCore.initialize_task(request, connection: base)
          raise ActiveRecord::Rollback
        end
      end

      expect(count).to eq(before + 1)
    end

    it "stays as lazy as it was" do
      base.transaction { TaskerCore.initialize_task(request, connection: base) }

      allow(connection).to receive(:begin_db_transaction).and_call_original
      base.transaction {} # nothing is done in it, so that it need not begin

      expect(connection).not_to have_received(:begin_db_transaction)
    end

    it "can connect anew where it could before", if: ActiveRecord.gem_version >= Gem::Version.new("7.1") do
      TaskerCore.initialize_task(request, connection: base)

      expect(connection.send(:reconnect_can_restore_state?)).to be(true)
    end

    it "raises our errors as they are" do
      base.transaction do
        expect { TaskerCore.initialize_task({ task_name: "nowhere" }, connection: base) }.to raise_error(TaskerCore::TemplateNotFoundError)
        expect(TaskerCore.initialize_task(request, connection: base)).to include("created" => true)
      end
    end

    it "raises conflicts as its own" do
      base.transaction do
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.select_rows("SELECT count(*) FROM notes")
        TaskerCore.initialize_task(request.merge(idempotency_key: "raced"))
        expect { TaskerCore.initialize_task(request.merge(idempotency_key: "raced"), connection: base) }
          .to raise_error(ActiveRecord::SerializationFailure) { |error| expect(error.cause).to have_attributes(class: TaskerCore::DatabaseError, sql_state: "40001") }
        raise ActiveRecord::Rollback
      end
    end

    it "writes nothing where ActiveRecord prevents writes" do
      before = count
      allow(connection).to receive(:preventing_writes?).and_return(true)

      expect { TaskerCore.initialize_task(request, connection: connection) }.to raise_error(ActiveRecord::ReadOnlyError, /cannot be created on this connection/)
      expect { base.while_preventing_writes { TaskerCore.initialize_task(request, connection: connection) } }.to raise_error(ActiveRecord::ReadOnlyError)
      expect(count).to eq(before)
    end

    it "is used by one at a time, where threads share it as in transactional tests" do
      before = count
      shared = connection
      shared.lock_thread = Thread.current if shared.respond_to?(:lock_thread=) # in Rails 6.1 there is no other way
      threads = Array.new(8) { Thread.new { 5.times { TaskerCore.initialize_task(request, connection: shared) } } }
      threads.each(&:join)

      expect(count).to eq(before + 40)
    ensure
      shared.lock_thread = nil if shared.respond_to?(:lock_thread=)
    end
  end

  describe "dumping its schema" do
    # Rails' dumper for PostgreSQL, at a connection that says what such a database has.
    def dump(schema_names)
      dumper = ActiveRecord::ConnectionAdapters::PostgreSQL::SchemaDumper.allocate
      dumper.instance_variable_set(:@connection, Struct.new(:schema_names).new(schema_names))
      dumper.send(:schemas, stream = StringIO.new)
      stream.string
    end

    before(:all) { Rails.application.load_tasks }

    it "leaves ours out of schema.rb, and no other", if: ActiveRecord.gem_version >= Gem::Version.new("7.1") do
      expect(dump(%w[public tasker])).to eq("")
      expect(dump(%w[billing public tasker])).to eq(%(  create_schema "billing"\n\n))
    end
  end

  describe "configuring its databases" do
    def database_url(configurations)
      former = ENV.delete("DATABASE_URL")
      ActiveRecord::Base.configurations = configurations
      yield if block_given?
      TaskerCore::Rails::Settings.new(Rails.application).fallback["database_url"]
    ensure
      ENV["DATABASE_URL"] = former
    end

    it "has tasks in the first of several, and in a test process's own" do
      shop = { "adapter" => "postgresql", "database" => "shop" }
      several = { "development" => { "primary" => shop, "log" => shop.merge("database" => "log") } }

      expect(database_url(several)).to end_with("/shop")
      parallel = database_url(several) do # as Rails does for the seventh of its parallel test processes
        ActiveRecord::Base.configurations.configs_for(env_name: "development", name: "primary")._database = "shop-7"
      end
      expect(parallel).to end_with("/shop-7")
    end
  end
end
