# frozen_string_literal: true

require "sequel"
require_relative "../support/workflows"

# Tasks that are created in the transaction of whoever calls.
RSpec.describe "The caller's connection" do
  include Workflows

  before(:all) do
    @coordinator.register_handler("plain") { |_| {} }
    @coordinator.register_template(name: "plain", version: "1.0.0", steps: [{ name: "a", handler: "plain" }])
  end

  let(:request) { { task_name: "plain" } }

  def count = TestDatabase.execute("SELECT count(*) AS n FROM tasker.tasks", url: @url).first["n"]

  # What each kind of holder does: nothing is there before the commit, nothing after a rollback, all after a commit.
  def expect_transactional(holder, commit:, rollback:)
    before = count
    coordinator.initialize_task(request, connection: holder)
    expect(coordinator.initialize_tasks([request, request], connection: holder).map(&:created)).to eq([true, true])
    expect(count).to eq(before)
    rollback.call
    expect(count).to eq(before)
    created = coordinator.initialize_task(**request, connection: holder)
    expect(count).to eq(before)
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
      refused = [request, request.merge(payload: { n: 1 }, idempotency_key: "k"), request.merge(idempotency_key: "k")]
      expect { coordinator.initialize_tasks(refused, connection: @connection) }.to raise_error(TaskerCore::IdempotencyConflictError)
      expect(count).to eq(before)
      expect(coordinator.initialize_tasks([request, request], connection: @connection).size).to eq(2)

      expect(count).to eq(before + 2)
      expect(@connection.auto_commit).to be(true)
    end

    # ActiveRecord's adapters for JDBC are not to be had here; this is how they hold their connection.
    it "is found inside ActiveRecord's" do
      raw = Struct.new(:connection).new(@connection)
      old = Struct.new(:raw_connection).new(raw)
      new = Struct.new(:raw_connection).new(Class.new { define_method(:jdbc_connection) { |_unwrap| raw.connection } }.new)
      @connection.auto_commit = false

      [old, new].each { |holder| expect_transactional(holder, commit: -> { @connection.commit }, rollback: -> { @connection.rollback }) }
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
