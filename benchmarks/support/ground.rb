# frozen_string_literal: true

require_relative "../../support/embedded_postgres"
require_relative "cpu_time"

$CLASSPATH << "#{ENV.fetch('TASKER_BENCH_CLASSES')}/"

# What a benchmark of the engine stands on: a durable PostgreSQL of its own, a coordinator, the floor beside it.
class Ground
  # They decide what a commit costs, so they are read back and told with each figure.
  DURABILITY = %w[fsync synchronous_commit full_page_writes wal_level].freeze

  LINEAR = {
    namespace: "bench", name: "linear", version: "1.0.0",
    steps: %w[one two three four].each_cons(2).reduce([{ name: "one", handler: "bench.step" }]) do |steps, (before, name)|
      steps << { name: name, handler: "bench.step", depends_on: [before] }
    end
  }.freeze

  # About 100 bytes, as the floor's.
  RESULT = { "charge_id" => "ch_000000000000000001", "amount_cents" => 18_930, "currency" => "GBP", "reservation" => "RSV-1" }.freeze

  attr_reader :coordinator

  # @param parameters [String] of the coordinator's database URL
  # @param server [Hash] settings of PostgreSQL's beside those of durability
  # @param config [Hash] the coordinator's
  def initialize(parameters: "", server: {}, **config)
    @server = EmbeddedPostgres.start(durable: true, settings: server)
    TaskerCore.logger = Logger.new($stderr, level: :warn)
    TaskerCore.migrate!(@server.url)
    @coordinator = TaskerCore.create_coordinator_with_config({ database_url: @server.url + parameters }.merge(config))
    @coordinator.register_handler("bench.step") { RESULT }
    @jdbc = Java::OrgPostgresql::Driver.new.connect(jdbc_url, java.util.Properties.new)
  end

  def url(database = "postgres") = @server.url(database)

  def jdbc_url(database = "postgres") = "jdbc:postgresql://127.0.0.1:#{@server.port}/#{database}?user=postgres"

  def floor = @floor ||= Java::IoTaskercoreBench::Floor.new(jdbc_url)

  # @return [Hash] what the server says of its durability
  def settings = DURABILITY.to_h { |name| [name, query("SHOW #{name}")] }.merge("postgresql" => query("SHOW server_version"))

  # @return [String] the one value of the one row
  def query(sql) = own_site.value(sql)

  def execute(sql) = own_site.execute(sql)

  def own_site = Site.new(@coordinator, @jdbc)

  # Another coordinator on the same database.
  def coordinator_with(**config)
    TaskerCore.create_coordinator_with_config({ database_url: @server.url }.merge(config))
  end

  # A further database on the same server, with the schema, a coordinator and a connection of its own.
  Site = Struct.new(:coordinator, :jdbc) do
    def execute(sql)
      statement = jdbc.create_statement
      statement.execute(sql)
    ensure
      statement&.close
    end

    # @return [String, nil] the one value of the first row, if there is one
    def value(sql)
      statement = jdbc.create_statement
      rows = statement.execute_query(sql)
      rows.get_string(1) if rows.next
    ensure
      statement&.close
    end

    def close
      coordinator.close
      jdbc.close
    end
  end

  # @return [Site]
  def site(name, **config)
    execute("CREATE DATABASE #{name}")
    TaskerCore.migrate!(@server.url(name))
    other = TaskerCore.create_coordinator_with_config({ database_url: @server.url(name) }.merge(config))
    other.register_handler("bench.step") { RESULT }
    Site.new(other, Java::OrgPostgresql::Driver.new.connect(jdbc_url(name), java.util.Properties.new))
  end

  # @return [Boolean] whether this Java has virtual threads
  def self.virtual_threads? = java.lang.Runtime.version.feature >= 21

  # @return [Integer] what the process has of memory
  def self.rss_mb = File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i / 1024

  # Waits until no task of ours is unfinished, and asks seldom enough not to disturb.
  def await_end
    sleep 0.01 until ended?
  end

  def ended? = query("SELECT count(*) FROM tasker.tasks WHERE state IN ('pending', 'in_progress')") == "0"

  # @return [Float] the seconds that the block takes
  def self.time
    begin_at = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - begin_at
  end

  # WAL bytes and commits so far; the latter are told by the server a little late.
  def wal_bytes = query("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").to_i

  def commits
    query("SELECT pg_stat_clear_snapshot()")
    query("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").to_i
  end

  # @return [CpuTime] of this server and this process
  def cpu = @cpu ||= CpuTime.new(query("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").to_i)

  def close
    @floor&.close
    @coordinator.close
    @jdbc.close
    @server.stop
  end
end
