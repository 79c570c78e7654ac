# frozen_string_literal: true

require "sequel"
require_relative "../support/workflows"

# Tasks that are created in the transaction of whoever calls.
RSpec.describe "The caller's connection" do
  include Workflows

  before(:all) do
    @coordinator.register_handler("plain") { |_| {} }
    @coordinator.register_template(name: "plain", version: "1.0.0", steps: [{ name: "a", handler: "plain" }])
    TestDatabase.execute("CREATE TABLE orders (id integer PRIMARY KEY)", url: @url)
  end

  let(:request) { { task_name: "plain" } }

  def count(table = "tasker.tasks") = TestDatabase.execute("SELECT count(*) AS n FROM #{table}", url: @url).first["n"]

  def keyed(key, payload = {}) = request.merge(idempotency_key: key, payload: payload)

  # All that creating a task writes.
  def rows = %w[tasks workflow_steps step_queue idempotency_keys].sum { |table| count("tasker.#{table}") }

  def execute(connection, *statements)
    statement = connection.create_statement
    statements.each { |sql| statement.execute(sql) }
  ensure
    statement.close
  end

  # What each kind of holder does: nothing is there before the commit, nothing after a rollback, all after a commit.
  def expect_transactional(holder, commit:, rollback:)
    before = rows
    coordinator.initialize_task(keyed("transactional"), connection: holder)
    expect(coordinator.initialize_tasks([request, request], connection: holder).map(&:created)).to eq([true, true])
    expect(rows).to eq(before)
    rollback.call
    expect(rows).to eq(before)
    created = coordinator.initialize_task(**request, connection: holder)
    expect(rows).to eq(before)
    commit.call
    expect(coordinator.orchestrate_task(created.task_id)).to include("status" => "complete")
  end

  describe "of JDBC" do
    around { |example| TestDatabase.connect(@url) { |connection| (@connection = connection) && example.run } }

    it "has the task in its transaction" do
      @connection.auto_commit = false

      expect_transactional(@connection, commit: -> { @connection.commit }, rollback: -> { @connection.rollback })
      expect(@connection.auto_commit).to be(false)
    end

    it "gets a transaction for the call where it commits by itself" do
      before = count
      refused = [request, keyed("k", { n: 1 }), keyed("k")]
      expect { coordinator.initialize_tasks(refused, connection: @connection) }.to raise_error(TaskerCore::IdempotencyConflictError)
      expect(count).to eq(before)
      expect(coordinator.initialize_tasks([request, request], connection: @connection).size).to eq(2)

      expect(count).to eq(before + 2)
      expect(@connection.auto_commit).to be(true)
    end

    it "has the task in its savepoint" do
      @connection.auto_commit = false
      before = rows
      kept = coordinator.initialize_task(request, connection: @connection)
      savepoint = @connection.set_savepoint("application")
      coordinator.initialize_task(keyed("in a savepoint"), connection: @connection)
      expect { coordinator.initialize_task({ task_name: "nowhere" }, connection: @connection) }.to raise_error(TaskerCore::TemplateNotFoundError)
      @connection.rollback(savepoint)
      kept_too = coordinator.initialize_task(keyed("in a savepoint"), connection: @connection)
      @connection.release_savepoint(@connection.set_savepoint("another"))
      @connection.commit

      expect(kept_too["created"]).to be(true)
      expect(rows).to eq(before + 7)
      [kept, kept_too].each { |task| expect(coordinator.orchestrate_task(task.task_id)).to include("status" => "complete") }
    end

    it "keeps what the application wrote before a refusal, and its own savepoints" do
      @connection.auto_commit = false
      execute(@connection, "INSERT INTO orders VALUES (1)", "SAVEPOINT tasker_call", "INSERT INTO orders VALUES (2)")
      expect { coordinator.initialize_task({ task_name: "nowhere" }, connection: @connection) }.to raise_error(TaskerCore::TemplateNotFoundError)
      expect { coordinator.initialize_tasks([keyed("a"), keyed("a", { n: 1 })], connection: @connection) }
        .to raise_error(TaskerCore::IdempotencyConflictError, /\[1\]/)
      coordinator.initialize_task(request, connection: @connection)
      execute(@connection, "ROLLBACK TO SAVEPOINT tasker_call")
      @connection.commit

      expect(count("orders WHERE id IN (1, 2)")).to eq(1)
    end

    it "knows keys that were used in the same transaction" do
      @connection.auto_commit = false
      first = coordinator.initialize_task(keyed("twice", { n: 1 }), connection: @connection)
      again = coordinator.initialize_task(keyed("twice", { n: 1 }), connection: @connection)
      expect(again).to include("created" => false, "task_id" => first.task_id, "status" => "pending")
      expect { coordinator.initialize_task(keyed("twice", { n: 2 }), connection: @connection) }.to raise_error(TaskerCore::IdempotencyConflictError)
      @connection.rollback

      expect(coordinator.initialize_task(keyed("twice", { n: 2 }))).to include("created" => true)
    end

    it "waits for another transaction that has used the key, and gets its task once that is committed" do
      @connection.auto_commit = false
      first = coordinator.initialize_task(keyed("waited for"), connection: @connection)
      waiting = Thread.new { coordinator.initialize_task(keyed("waited for")) }
      blocked = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
      expect(eventually(30) { TestDatabase.execute(blocked, url: @url).first["n"] == 1 }).to be(true)
      @connection.commit

      expect(waiting.value).to include("created" => false, "task_id" => first.task_id)
    end

    it "tells of a race that its isolation level does not forgive, and leaves the transaction usable" do
      @connection.auto_commit = false
      execute(@connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "INSERT INTO orders VALUES (3)")
      coordinator.initialize_task(keyed("raced"))
      expect { coordinator.initialize_task(keyed("raced"), connection: @connection) }
        .to raise_error(TaskerCore::DatabaseError) { |error| expect(error).to have_attributes(sql_state: "40001", transient?: true) }
      @connection.commit

      expect(count("orders WHERE id = 3")).to eq(1)
    end

    it "lets workers hear of the task after the commit, and not of one that was rolled back" do
      @connection.auto_commit = false
      ran = Queue.new
      elsewhere = TaskerCore.create_coordinator_with_config(configuration.merge(poll_interval_ms: 3_600_000, database_url: "#{@url}?ApplicationName=elsewhere"))
      elsewhere.register_handler("heard") { |context| (ran << context.task_id) && nil }
      elsewhere.register_template(name: "heard", version: "1.0.0", steps: [{ name: "a", handler: "heard" }])
      worker = elsewhere.start_worker
      expect(eventually(30) { worker.stats["state"] == "running" && elsewhere.health["listener"] == "connected" }).to be(true)
      coordinator.initialize_task({ task_name: "heard" }, connection: @connection)
      @connection.rollback
      created = coordinator.initialize_task({ task_name: "heard" }, connection: @connection)
      expect(ran).to be_empty
      @connection.commit

      expect(eventually(30) { !ran.empty? }).to be(true)
      expect(ran.pop).to eq(created.task_id)
      expect(eventually(30) { coordinator.task_context(created.task_id).status == "complete" }).to be(true)
      expect(ran).to be_empty
    ensure
      elsewhere&.close
    end

    it "runs no task before its transaction is committed" do
      @connection.auto_commit = false
      before = rows
      expect { coordinator.handle_task(request, connection: @connection) }
        .to raise_error(TaskerCore::StateError, /before the transaction is committed.*handle_task with the task's id after the commit/m)
      @connection.commit
      expect(rows).to eq(before)
      @connection.auto_commit = true

      expect(coordinator.handle_task(request, connection: @connection)).to include("status" => "complete", "created" => true)
      created = coordinator.initialize_task(request, connection: @connection)
      expect(coordinator.handle_task(created.task_id, connection: @connection)).to include("status" => "complete", "created" => false)
    end

    it "is given many tasks, or none" do
      before = count
      @connection.auto_commit = false
      expect(coordinator.initialize_tasks([], connection: @connection)).to eq([])
      created = coordinator.initialize_tasks(Array.new(500) { |n| keyed("many #{n}") }, connection: @connection)
      expect(coordinator.initialize_tasks([keyed("many 7"), request], connection: @connection).map(&:created)).to eq([false, true])
      expect(created.map(&:task_id).uniq.size).to eq(500)
      @connection.commit

      expect(count).to eq(before + 501)
    end

    it "says that it is closed" do
      @connection.close

      expect { coordinator.initialize_task(request, connection: @connection) }.to raise_error(TaskerCore::ValidationError, /\Aconnection:? is closed/)
      expect { coordinator.initialize_tasks([], connection: @connection) }.to raise_error(TaskerCore::ValidationError, /is closed/)
      expect { coordinator.handle_task(request, connection: @connection) }.to raise_error(TaskerCore::ValidationError, /is closed/)
    end

    it "says that its transaction has failed, and is of use again after the rollback" do
      @connection.auto_commit = false
      savepoint = @connection.set_savepoint
      expect { execute(@connection, "SELECT 1 / 0") }.to raise_error(java.sql.SQLException)
      expect { coordinator.initialize_task(request, connection: @connection) }
        .to raise_error(TaskerCore::DatabaseError, /transaction has failed already; roll it back/) { |error| expect(error.sql_state).to eq("25P02") }
      @connection.rollback(savepoint)
      expect(coordinator.initialize_task(request, connection: @connection)).to include("created" => true)
      @connection.rollback
    end

    it "says that it is read-only" do
      [-> { @connection.read_only = true }, -> { (@connection.auto_commit = false) || execute(@connection, "SET TRANSACTION READ ONLY") }].each do |make|
        make.call
        expect { coordinator.initialize_task(request, connection: @connection) }
          .to raise_error(TaskerCore::DatabaseError, /the connection, or its transaction, is read-only/) { |error| expect(error).not_to be_transient }
      end
    end

    it "is refused where it leads to another database" do
      other = TestDatabase.create
      TaskerCore.migrate!(other)
      TestDatabase.connect(other) do |stranger|
        [true, false].each do |auto_commit|
          stranger.auto_commit = auto_commit
          expect { coordinator.initialize_task(request, connection: stranger) }
            .to raise_error(TaskerCore::ValidationError, /\Aconnection:? leads to another database than the coordinator's \(spec_\h+\)/)
        end
        expect { coordinator.initialize_tasks([request], connection: stranger) }.to raise_error(TaskerCore::ValidationError)
      end
      TestDatabase.connect(@url) { |ours| expect(coordinator.initialize_task(request, connection: ours)).to include("created" => true) }
    ensure
      TestDatabase.drop(other) if other
    end

    # ActiveRecord's adapters for JDBC are not to be had here; this is how they hold their connection.
    it "is found inside ActiveRecord's, by the interface of its adapter for JDBC" do
      raw = Struct.new(:connection).new(@connection)
      old = Struct.new(:raw_connection).new(raw)
      jdbc = Class.new { define_method(:jdbc_connection) { |_unwrap| raw.connection } }.new
      new = Struct.new(:raw_connection).new(jdbc)
      model = Struct.new(:connection).new(new)
      @connection.auto_commit = false

      [old, new, jdbc, model].each do |holder|
        expect_transactional(holder, commit: -> { @connection.commit }, rollback: -> { @connection.rollback })
      end
    end
  end

  describe "of Sequel" do
    before do
      uri = URI(@url)
      @database = Sequel.connect("jdbc:postgresql://#{uri.host}:#{uri.port}#{uri.path}?user=#{uri.user}")
    end

    after { @database.disconnect }

    it "has the task in its transaction" do
      before = count
      @database.transaction do
        coordinator.initialize_task(request, connection: @database)
        expect(@database.fetch("SELECT count(*) AS n FROM tasker.tasks").first[:n]).to eq(before + 1)
        expect(count).to eq(before)
        raise Sequel::Rollback
      end
      expect(count).to eq(before)

      task_id = @database.transaction { coordinator.initialize_task(request, connection: @database).task_id }
      expect(coordinator.orchestrate_task(task_id)).to include("status" => "complete")
    end

    it "saves the order and starts its workflow, or neither" do
      save = lambda do |id, fail|
        @database.transaction do
          @database[:orders].insert(id: id)
          coordinator.initialize_task(keyed("order-#{id}", { id: id }), connection: @database)
          raise "the application's own failure" if fail
        end
      end
      expect { save.call(10, true) }.to raise_error("the application's own failure")
      save.call(11, false)
      expect { save.call(11, false) }.to raise_error(Sequel::UniqueConstraintViolation)

      expect(count("orders WHERE id IN (10, 11)")).to eq(1)
      expect(count("tasker.tasks WHERE idempotency_key IN ('order-10', 'order-11')")).to eq(1)
    end

    it "has the task in its nested transactions: savepoints, of which one is rolled back" do
      before = count
      @database.transaction do
        @database.transaction(savepoint: true) { coordinator.initialize_task(request, connection: @database) }
        @database.transaction(savepoint: true) do
          coordinator.initialize_tasks([request, request], connection: @database)
          raise Sequel::Rollback
        end
        @database.transaction { coordinator.initialize_task(request, connection: @database) } # the outer one itself
        expect { coordinator.handle_task(request, connection: @database) }.to raise_error(TaskerCore::StateError)
      end
      expect(count).to eq(before + 2)

      @database.transaction(rollback: :always) do
        @database.transaction(savepoint: true) { coordinator.initialize_task(request, connection: @database) }
      end
      expect(count).to eq(before + 2)
    end

    it "is taken from its pool and given back outside of a transaction" do
      5.times { coordinator.handle_task(request, connection: @database) }

      expect(count).to be >= 5
      expect(@database.pool.size).to eq(1)
    end

    it "keeps working when the task is refused" do
      @database.transaction do
        expect { coordinator.initialize_task({ task_name: "nowhere" }, connection: @database) }
          .to raise_error(TaskerCore::TemplateNotFoundError)
        expect(coordinator.initialize_task(request, connection: @database)).to include("created" => true)
      end
    end
  end

  it "is refused where it is none, or holds none" do
    [5, "postgres://x/y", Object.new, {}, Struct.new(:connection).new(5), Struct.new(:raw_connection).new(nil),
     Sequel.connect("mock://postgres")].each do |wrong|
      expect { coordinator.initialize_task(request, connection: wrong) }
        .to raise_error(TaskerCore::InvalidTypeError, /\Aconnection must be a java.sql.Connection, or an object that holds one/)
      expect { coordinator.initialize_tasks([request], connection: wrong) }.to raise_error(TaskerCore::InvalidTypeError)
    end
  end
end
