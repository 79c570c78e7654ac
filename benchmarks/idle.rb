# frozen_string_literal: true

# What an idle worker costs: statements per second on the server, and processor time of the whole process.
#
# The worker has had work, so that its lease is kept and others' are watched, and has then had nothing to do for long enough to look
# as seldom as it ever does. The server counts the statements (pg_stat_statements), its own vacuuming not among them.

require_relative "support/ground"

ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "5"))
SECONDS = Float(ENV.fetch("BENCH_SECONDS", "10"))
SETTLE_SECONDS = Float(ENV.fetch("BENCH_SETTLE_SECONDS", "20"))

PG_STAT_STATEMENTS = { "shared_preload_libraries" => "pg_stat_statements" }.freeze
STATEMENTS = "SELECT COALESCE(sum(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"

def cpu_seconds = Process.times.then { |times| times.utime + times.stime }

%w[direct pooler].each do |mode|
  ground = Ground.new(server: PG_STAT_STATEMENTS, max_parallel_steps: 10, connection_mode: mode)
  ground.execute("CREATE EXTENSION pg_stat_statements")
  ground.coordinator.register_template(Ground::LINEAR)
  ground.coordinator.handle_task(namespace: "bench", task_name: "linear")
  report = Report.new("idle", ground.settings.merge("connection_mode" => mode, "seconds_per_round" => SECONDS))
  suffix = mode == "direct" ? "" : "_pooler"
  worker = ground.coordinator.start_worker
  sleep SETTLE_SECONDS

  queries = []
  cpu = []
  ROUNDS.times do |round|
    statements = ground.query(STATEMENTS).to_i
    cpu_before = cpu_seconds
    seconds = Ground.time { sleep SECONDS }
    cpu << ((cpu_seconds - cpu_before) / seconds * 100)
    queries << ((ground.query(STATEMENTS).to_i - statements) / seconds)
    report.progress(format("%s, round %d: %.2f statements/s, %.2f %% of a core", mode, round + 1, queries.last, cpu.last))
  end
  worker.stop
  report.result("queries_per_s#{suffix}", queries, unit: "queries/s")
  report.result("cpu#{suffix}", cpu, unit: "% of a core")
  ground.close
end
