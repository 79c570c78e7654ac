# frozen_string_literal: true

require "tmpdir"
require_relative "../support/other_jruby"
require_relative "../support/workflows"

RSpec.describe "The end of a process" do
  include Workflows

  # Two coordinators with a worker each, none of which is closed; both are in a handler when the script ends.
  SCRIPT = <<~RUBY
    require "tasker_core"
    workers = Array.new(2) do
      coordinator = TaskerCore.create_coordinator_with_config(database_url: ENV.fetch("DATABASE_URL"), max_parallel_steps: 1)
      coordinator.register_handler("ends") { |_| sleep 0.5; { "pid" => Process.pid } }
      coordinator.start_worker
    end
    sleep 0.01 until workers.all? { |worker| worker.stats["executed"] == 1 }
  RUBY

  it "waits for the handlers that run, closes all, and complains of nothing" do
    tasks = Array.new(3) { create_task([{ name: "a", handler: "ends" }]) }
    out = File.join(Dir.mktmpdir, "out")
    pid = OtherJRuby.spawn("-e", SCRIPT, env: { "DATABASE_URL" => @url }, out: out)
    _, status = Process.wait2(pid)

    expect([status.exitstatus, File.readlines(out).grep_v(/ INFO -- tasker_core: (worker: (works on|has the handlers)|\[task \d+)/)]).to eq([0, []])
    steps = tasks.map { |task_id| coordinator.task_context(task_id)["steps"].first }
    expect(steps.map { |step| step["state"] }.sort).to eq(%w[complete complete enqueued])
    expect(steps.map { |step| step["result"] }.compact.uniq).to eq(["pid" => pid])
    expect(TestDatabase.execute("SELECT count(*) AS n FROM tasker.processes WHERE pid = #{pid}", url: @url)).to eq([{ "n" => 0 }])
  ensure
    FileUtils.rm_rf(File.dirname(out))
  end
end
