# frozen_string_literal: true

require "json"
require "io/wait"
require "net/http"
require "tmpdir"
require "tasker_core/cli"
require_relative "../support/cuttable_wire"
require_relative "../support/other_jruby"
require_relative "../support/workflows"

RSpec.describe TaskerCore::CLI do
  include Workflows

  VARIABLES = %w[DATABASE_URL TASKER_DATABASE_URL TASKER_CONFIG TASKER_ENV RAILS_ENV RACK_ENV].freeze

  around do |example|
    Dir.mktmpdir do |folder|
      @folder = folder
      was = VARIABLES.to_h { |name| [name, ENV[name]] }
      ENV.update(VARIABLES.to_h { |name| [name, nil] }.merge("DATABASE_URL" => @url))
      example.run
    ensure
      TaskerCore.close
      ENV.update(was)
    end
  end

  def path(name) = File.join(@folder, name)

  def write(name, text) = path(name).tap { |file| File.write(file, text) }

  def tasker(*arguments)
    out = StringIO.new
    err = StringIO.new
    [described_class.run(arguments, out: out, err: err), out.string, err.string]
  end

  def state(task_id) = coordinator.task_context(task_id)["steps"].first["state"]

  def work_log = File.file?(path("log")) ? File.read(path("log")) : ""

  # A handler that is there once it says so in its folder, and ends once it may.
  def application
    write("application.rb", <<~RUBY)
      TaskerCore.register_handler("cli.wait") do |context|
        File.write("#{path('begun')}", context.task_id.to_s)
        sleep 0.01 until File.exist?("#{path('go')}")
        { "environment" => ENV["TASKER_ENV"], "pid" => Process.pid }
      end
    RUBY
  end

  it "works in a process of its own until it is told to stop, and drains" do
    environment = { "DATABASE_URL" => @url, "TASKER_POLL_INTERVAL_MS" => "50" }
    pid = OtherJRuby.spawn("exe/tasker", "work", "--require", application, "--environment", "staging", "--log", path("log"),
                           "--pid", path("pid"), "--health-file", path("health"), env: environment, out: path("out"))
    task_id = create_task([{ name: "a", handler: "cli.wait" }, { name: "b", handler: "cli.wait", depends_on: ["a"] }])
    expect(eventually(120) { File.exist?(path("begun")) && File.exist?(path("health")) }).to be(true)
    expect(File.read(path("pid")).to_i).to eq(pid)
    expect(JSON.parse(File.read(path("health")))).to include("status" => "ok", "workers" => 1)

    Process.kill("TERM", pid)
    expect(eventually { work_log.include?("TERM: takes no more steps") }).to be(true)
    File.write(path("go"), "")
    _, status = Process.wait2(pid)

    expect(status.exitstatus).to eq(0)
    steps = coordinator.task_context(task_id)["steps"]
    expect(steps.map { |step| step["state"] }).to eq(%w[complete enqueued])
    expect(steps.first["result"]).to eq("environment" => "staging", "pid" => pid)
    expect(work_log).to include("works, process #{pid}", "stopped")
    expect(File.read(path("out"))).to eq("")
    expect(["pid", "health"].map { |name| File.exist?(path(name)) }).to eq([false, false])
  ensure
    Process.kill("KILL", pid) if pid && status.nil?
  end

  # Whoever starts the specs may have had a signal ignored, as `nohup` does; the processes that they start inherit that.
  def ignored?(signal)
    status = "/proc/self/status"
    File.exist?(status) && File.read(status)[/^SigIgn:\s*(\h+)/, 1].to_i(16).anybits?(1 << (Signal.list.fetch(signal) - 1))
  end

  it "does at a HUP what it does at a TERM" do
    skip "HUP is ignored where these specs were started" if ignored?("HUP")
    pid = OtherJRuby.spawn("exe/tasker", "work", "--log", path("log"), env: { "DATABASE_URL" => @url }, out: path("out"))
    expect(eventually(120) { work_log.include?("works, process") }).to be(true)
    Process.kill("HUP", pid)
    _, status = Process.wait2(pid)

    expect(status.exitstatus).to eq(0)
    expect(work_log).to include("HUP: takes no more steps", "stopped")
  ensure
    Process.kill("KILL", pid) if pid && status.nil?
  end

  it "works where no log can be written, and tells by its exit code alone" do
    skip "there is no full device here" unless File.chardev?("/dev/full")
    pid = OtherJRuby.spawn("exe/tasker", "work", "--require", application, env: { "DATABASE_URL" => @url }, out: "/dev/full")
    File.write(path("go"), "")
    task_id = create_task([{ name: "a", handler: "cli.wait" }])
    expect(eventually(120) { state(task_id) == "complete" || Process.wait(pid, Process::WNOHANG) }).to be(true)
    Process.kill("TERM", pid)
    _, status = Process.wait2(pid)

    expect(status.exitstatus).to eq(0)
  ensure
    Process.kill("KILL", pid) if pid && status.nil?
  end

  it "ends with the code of what went wrong where it cannot be told" do
    mute = Class.new(StringIO) { def puts(*) = raise(Errno::ENOSPC) }.new

    expect(described_class.run(["werk"], err: mute)).to eq(2)
    expect(described_class.run(["work", "--name"], err: mute)).to eq(2)
    expect(described_class.run(["work", "-r", path("nowhere.rb")], err: mute)).to eq(1)
    expect(described_class.run(["--version"], out: mute, err: StringIO.new)).to eq(1)
  end

  # The port is the one that it logs.
  def health_port = work_log[/health: answers on port (\d+)/, 1].to_i

  def get(path, method: Net::HTTP::Get)
    Net::HTTP.start("127.0.0.1", health_port, read_timeout: 20, max_retries: 0) { |http| http.request(method.new(path)) }
  end

  # While a process works on the database, and answers on a port.
  def with_health_port(url, **settings)
    pid = OtherJRuby.spawn("exe/tasker", "work", "--require", application, "--log", path("log"), "--health-port", "127.0.0.1:0",
                           env: { "DATABASE_URL" => url, "TASKER_POLL_INTERVAL_MS" => "50", **settings }, out: path("out"))
    expect(eventually(120) { work_log.include?("answers on port") }).to be(true)
    yield
  ensure
    Process.kill("KILL", pid) && Process.wait(pid) if pid
  end

  it "answers probes and scrapers while it works" do
    with_health_port(@url) do
      create_task([{ name: "a", handler: "cli.wait" }]) # the examples before may have left some, too
      expect(eventually { File.exist?(path("begun")) }).to be(true)

      health = get("/health")
      expect([health.code, health["content-type"]]).to eq(["200", "application/json"])
      expect(JSON.parse(health.body)).to include("status" => match(/ok|degraded/), "connection_mode" => "direct",
                                                 "checked_ms_ago" => be_between(0, 60_000),
                                                 "worker" => include("state" => "running", "running" => be >= 1))
      expect(get("/live").then { |live| [live.code, live.body] }).to eq(["200", "alive\n"])
      metrics = get("/metrics")
      expect([metrics.code, metrics["content-type"]]).to eq(["200", "text/plain; version=0.0.4; charset=utf-8"])
      expect(metrics.body).to match(/^tasker_claims_total [1-9]$/)
      expect(eventually { get("/metrics").body.match?(/^tasker_active_tasks [1-9]/) }).to be(true)
      expect(get("/health", method: Net::HTTP::Head)).to have_attributes(code: "200", body: nil)
      expect(get("/nowhere").code).to eq("404")
      expect(get("/health", method: Net::HTTP::Delete).then { |refused| [refused.code, refused["allow"]] }).to eq(["405", "GET, HEAD"])
    end
  end

  # More than are served at once, each stalled at another point.
  it "answers probes beside clients that stall, and lets go of those" do
    with_health_port(@url) do
      parts = ["", "GET /hea", "GET /health HTTP/1.1\r\n", "GET /health HTTP/1.1\r\nHost: here\r\nX-"]
      stalled = parts.cycle.first(100).map { |part| TCPSocket.new("127.0.0.1", health_port).tap { |client| client.write(part) } }

      expect(["/health", "/metrics"].map { |path| get(path).code }).to eq(%w[200 200])
      expect(stalled.map { |client| client.wait_readable(30) }).to all(be_truthy)
    ensure
      stalled&.each(&:close)
    end
  end

  it "tells at once that the database is away, and waits for it with nothing" do
    proxy = CuttableWire.new(@url)
    with_health_port(proxy.url, "TASKER_CONNECTION_TIMEOUT_MS" => "60000") do
      get("/metrics")
      proxy.close

      expect(get("/metrics").body).to match(/^tasker_claims_total \d/)
      expect(eventually(60) { get("/health").code == "503" }).to be(true)
      expect(JSON.parse(get("/health").body)).to include("status" => "down", "reasons" => include(/connection|answer/),
                                                         "worker" => include("state" => "running"))
      expect(get("/live").code).to eq("200")
    end
  ensure
    proxy&.close
  end

  it "ends although a handler heeds no interrupt, and says which and where" do
    file = write("deaf.rb", <<~RUBY)
      TaskerCore.register_handler("cli.deaf") do |context|
        latch = java.util.concurrent.CountDownLatch.new(1)
        begin
          File.write("#{path('begun')}", context.task_id.to_s)
          latch.await
        rescue Exception
          retry
        end
      end
    RUBY
    pid = OtherJRuby.spawn("exe/tasker", "work", "--require", file, "--log", path("log"), out: path("out"),
                           env: { "DATABASE_URL" => @url, "TASKER_POLL_INTERVAL_MS" => "50", "TASKER_SHUTDOWN_TIMEOUT_MS" => "500" })
    task_id = create_task([{ name: "a", handler: "cli.deaf" }])
    expect(eventually(120) { File.exist?(path("begun")) }).to be(true)

    Process.kill("TERM", pid)
    _, status = Process.wait2(pid)

    expect(status.exitstatus).to eq(4), File.read(path("out"))
    expect(work_log).to include("heeds no interrupt; its step is given back", "step #{coordinator.task_context(task_id)['steps'].first['step_id']} a", "deaf.rb:5")
    expect(state(task_id)).to eq("enqueued")
    coordinator.cancel_task(task_id, reason: "nobody ends it")
  end

  it "goes on when a thread dies that a handler has begun, under abort_on_exception" do
    file = write("abort.rb", <<~RUBY)
      Thread.abort_on_exception = true
      Thread.report_on_exception = false
      TaskerCore.register_handler("cli.aborting") do |_|
        thread = Thread.new { raise "dead in its own thread" }
        sleep 0.01 while thread.alive?
        { "went" => "on" }
      end
    RUBY
    pid = OtherJRuby.spawn("exe/tasker", "work", "--require", file, "--log", path("log"), out: path("out"),
                           env: { "DATABASE_URL" => @url, "TASKER_POLL_INTERVAL_MS" => "50" })
    told = /ERROR .*a thread of the application's died.*RuntimeError: dead in its own thread \(.*abort\.rb:4/
    tasks = []

    # As often as it takes: what dies while the worker begins is told elsewhere, or to nobody.
    expect(eventually(120) do
      tasks << create_task([{ name: "a", handler: "cli.aborting" }])
      eventually(30) { state(tasks.last) == "complete" } && work_log.match?(told)
    end).to be(true), File.read(path("out"))
    Process.kill("TERM", pid)
    _, status = Process.wait2(pid)

    expect(status.exitstatus).to eq(0), File.read(path("out"))
  end

  it "says which variable is wrong" do
    ENV["TASKER_LOG_FORMAT"] = "JSON"

    expect(tasker("work", "--require", application)).to eq([1, "", "tasker: TASKER_LOG_FORMAT: the format of a log is text or json, not JSON\n"])
  ensure
    ENV.delete("TASKER_LOG_FORMAT")
  end

  describe "work" do
    # In a thread of this process, which takes the signals meanwhile.
    def work(*arguments)
      Thread.new { tasker("work", "--log", path("log"), *arguments) }.tap do
        expect(eventually { work_log.include?("works, process") }).to be(true)
        sleep 0.1
      end
    end

    # Shells start background jobs so, and no process can change it for itself.

    it "stops now at the second INT, gives back what ran, and says so" do
      skip "INT is ignored where these specs were started" if ignored?("INT")
      working = work("--require", application, "--verbose")
      task_id = create_task([{ name: "a", handler: "cli.wait" }])
      expect(eventually { File.exist?(path("begun")) }).to be(true)
      2.times { Process.kill("INT", Process.pid) && sleep(0.1) }

      expect(working.value.first).to eq(3)
      expect(work_log).to include("INT again", "handlers were interrupted")
      expect(eventually { state(task_id) == "enqueued" }).to be(true)
    end

    it "obeys a TERM that comes while its worker starts" do
      others = Queue.new
      former = Signal.trap("TERM") { others << true }
      allow(TaskerCore.coordinator).to receive(:start_worker).and_wrap_original do |start, *options|
        start.call(*options).tap { Process.kill("TERM", Process.pid) && sleep(0.1) }
      end
      working = Thread.new { tasker("work", "--log", path("log")) }

      expect(working.join(20)&.value&.first).to eq(0)
      expect(work_log).to include("TERM: takes no more steps", "stopped")
      expect(others).to be_empty
    ensure
      Signal.trap("TERM", former || "DEFAULT")
    end

    it "takes no more at TSTP, and only its namespaces before" do
      working = work("-n", "here,there")
      TaskerCore.register_handler("cli.brief") { |_| {} }
      here, elsewhere = %w[here elsewhere].map { |namespace| task_in(namespace) }
      expect(eventually { state(here) == "complete" }).to be(true)
      Process.kill("TSTP", Process.pid)
      expect(eventually { work_log.include?("TSTP") }).to be(true)
      later = task_in("there")
      sleep 0.2
      Process.kill("TERM", Process.pid)

      expect(working.value.first).to eq(0)
      expect([elsewhere, later].map { |task_id| state(task_id) }).to eq(%w[enqueued enqueued])
    end

    def task_in(namespace)
      coordinator.register_template(namespace: namespace, name: "brief", version: "1.0.0", steps: [{ name: "a", handler: "cli.brief" }])
      coordinator.initialize_task(namespace: namespace, task_name: "brief").task_id
    end

    it "says so when the port for health is taken" do
      taken = TCPServer.new("127.0.0.1", 0)

      expect(tasker("work", "--log", path("log"), "-p", "127.0.0.1:#{taken.addr[1]}"))
        .to match([1, "", /cannot answer on 127\.0\.0\.1:#{taken.addr[1]}: /])
    ensure
      taken&.close
    end

    it "ends when the application closes its coordinator" do
      working = work
      TaskerCore.close

      expect(working.value.first).to eq(0)
    end

    it "logs a JSON object for each line, if it is told to" do
      working = work("--log-format", "json")
      TaskerCore.close

      expect(working.value.first).to eq(0)
      lines = work_log.lines.map { |line| JSON.parse(line) }
      expect(lines.map { |line| line["message"] }).to include(a_string_starting_with("tasker #{TaskerCore::VERSION} works"))
      expect(lines).to all(include("time" => /\A\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z\z/, "level" => "info", "program" => "tasker", "pid" => Process.pid))
      expect(tasker("work", "--log-format", "xml")).to match([2, "", /--log-format xml/])
    end

    it "tells what is wrong with the application or the database" do
      broken = write("broken.rb", "raise 'not today'")

      expect(tasker("work", "-r", broken)).to match([1, "", /cannot load .*broken\.rb: RuntimeError: not today/])
      expect(tasker("work", "-r", path("nowhere.rb"))).to match([1, "", /cannot load .*nowhere\.rb: LoadError/])
      expect(tasker("work", "-C", path("nowhere.yml"))).to match([1, "", /cannot read .*nowhere\.yml/])
      ENV.delete("TASKER_CONFIG")
      expect(tasker("work", "-n", "a b")).to match([1, "", /namespaces\[0\]: must/])
      ENV["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/none"
      expect(tasker("work", "--log", path("log"))).to match([1, "", /\Atasker: Database error: /])
    end
  end

  describe "migrate" do
    it "makes the schema where the settings say" do
      url = TestDatabase.create
      ENV.delete("DATABASE_URL")
      settings = write("settings.yml", "production: { database_url: #{url} }")

      expect(tasker("migrate")).to match([1, "", /database_url: is required/])
      expect(tasker("migrate", "--config", settings, "--environment", "production")).to match([0, /The schema tasker is/, ""])
      TaskerCore.create_coordinator_with_config(database_url: url).close
    end

    it "does so before the application's code, which may want it" do
      url = ENV["DATABASE_URL"] = TestDatabase.create
      eager = write("eager.rb", "TaskerCore.coordinator.register_handler('eager') { |_| {} }")

      expect(tasker("migrate", "--require", eager)).to match([0, /The schema tasker is/, ""])
      TaskerCore.create_coordinator_with_config(database_url: url).close
    end

    it "loads the application where only that knows which database" do
      url = TestDatabase.create
      ENV.delete("DATABASE_URL")
      knowing = write("knowing.rb", "TaskerCore::Configuration.application = { database_url: '#{url}' }")

      expect(tasker("migrate", "--require", knowing)).to match([0, /The schema tasker is/, ""])
    ensure
      TaskerCore::Configuration.application = nil
    end
  end

  describe "check" do
    it "tells what templates are, and each thing that is wrong with them, without a database" do
      ENV.delete("DATABASE_URL")
      good = write("good.yml", "{ namespace: shop, name: good, version: 1.0.0, steps: [{ name: a, handler: h }] }")
      bad = write("bad.yml", "{ name: bad, version: one, steps: [{ name: a, handler: h, depends_on: [b] }] }")

      expect(tasker("check", good)).to eq([0, "#{good}: shop/good 1.0.0, 1 steps\n", ""])
      expect(tasker("check", good, bad)).to match([1, /good 1\.0\.0.*^#{bad}: version: .*^#{bad}: steps\[0\]\.depends_on/m, ""])
      expect(tasker("check", path("nowhere.yml"))).to match([1, /nowhere\.yml: cannot read the template/, ""])
      expect(tasker("check")).to match([2, "", /FILE/])
      expect(tasker("check", "--help")).to match([0, /FILE\.\.\..*Exit codes/m, ""])
    end
  end

  it "tells how it is called, and refuses to be called otherwise" do
    expect(tasker("--version")).to eq([0, "tasker #{TaskerCore::VERSION}\n", ""])
    expect(tasker("--help")).to match([0, /tasker work .*tasker migrate /m, ""])
    expect(tasker("work", "--help")).to match([0, /--namespaces A,B.*Exit codes: 0/m, ""])
    expect(tasker).to match([2, "", /what is it to do/])
    expect(tasker("werk")).to match([2, "", /no command werk/])
    expect(tasker("work", "--name")).to match([2, "", /tasker: .*--name/])
    expect(tasker("work", "now")).to match([2, "", /tasker: .*now/])
    expect(tasker("migrate", "--pid", "x")).to match([2, "", /tasker: .*--pid/])
    expect(tasker("work", "--health-port", "here")).to match([2, "", /tasker: .*--health-port here/])
    expect(tasker("work", "--health-port", "65536")).to match([2, "", /tasker: .*65536/])
  end
end
