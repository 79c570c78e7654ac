# frozen_string_literal: true

require_relative "../support/patience"
require_relative "support/example_app"

# The example as it is deployed: Puma in a process, workers in it or in another.
RSpec.describe "A Rails application on Puma" do
  include Patience

  before(:all) { @url = TestDatabase.create }
  after(:all) { TestDatabase.drop(@url) }

  let(:folder) { ExampleApp.copy }
  let(:env) { { "DATABASE_URL" => @url, "RAILS_ENV" => "production", "RAILS_LOG_TO_STDOUT" => "1", "NIO4R_PURE" => "true" } }
  let(:worker_log) { File.join(Dir.mktmpdir, "worker") }

  after { [*@servers].each(&:stop) }

  def puma(**further)
    server = ExampleApp::Server.new(folder, ExampleApp.executable("puma", "puma"), "-C", "config/puma.rb", env: env.merge(further.transform_keys(&:to_s)))
    (@servers ||= []) << server
    server
  end

  def rows(sql) = TestDatabase.execute(sql, url: @url)

  it "works in the web process, and lets its handlers end before it stops" do
    server = puma(TASKER_IN_PUMA: "true")

    placed = server.post("/api/orders", customer: "Ada", item: "tea", quantity: 3)
    expect(placed.code).to eq("201")
    id = JSON.parse(placed.body)["id"]
    expect(eventually(120) { server.read("/api/orders/#{id}")["state"] == "finished" }).to be_truthy, File.read(server.log)
    expect(server.read("/api/orders/#{id}")["workflow"]).to include("status" => "complete")
    expect(server.get("/").body).to include("The shop")

    server.stop
    expect(File.read(server.log)).not_to match(/FATAL|DEADLOCK|not closed to the end/)
    expect(rows("SELECT count(*) AS n FROM tasker.workflow_steps WHERE state = 'in_progress'")).to eq(["n" => 0])
  end

  it "is not needed for the plugin: any application in Puma has a worker by it" do
    plain = Dir.mktmpdir("tasker_rack")
    File.write("#{plain}/config.ru", <<~RUBY)
      require "tasker_core"
      TaskerCore.register_handler("rack.done") { |_| {} }
      TaskerCore.register_template(name: "rack", version: "1.0.0", steps: [{ name: "a", handler: "rack.done" }])
      task = TaskerCore.initialize_task(task_name: "rack")
      run ->(_env) { [200, {}, [TaskerCore.task_context(task.task_id).status]] }
    RUBY
    File.write("#{plain}/puma.rb", %(port ENV.fetch("PORT")\nplugin :tasker_core\nraise_exception_on_sigterm false\n))
    server = ExampleApp::Server.new(plain, "-I", "#{ExampleApp::ROOT}/lib", ExampleApp.executable("puma", "puma"), "-C", "puma.rb",
                                    env: env.merge("TASKER_AUTO_MIGRATE" => "true"), path: "/")
    (@servers ||= []) << server

    expect(eventually(60) { server.get("/").body == "complete" }).to be(true), File.read(server.log)
    expect(server.stop.exitstatus).to eq(0), File.read(server.log)
  ensure
    FileUtils.rm_rf(plain) if plain
  end

  # The process that serves is killed while orders come in; then there is a worker, and no order is without its workflow.
  it "loses no workflow when the web process is killed between an order's commit and its workflow's start" do
    before = rows("SELECT count(*) AS n FROM orders").first["n"] if rows("SELECT to_regclass('orders') AS r").first["r"]
    server = puma(TASKER_EMBEDDED_WORKER: "false")
    answered = Queue.new
    customers = Array.new(4) do |n|
      Thread.new do
        1000.times { answered << JSON.parse(server.post("/api/orders", customer: "C#{n}", item: "coffee").body)["id"] }
      rescue SystemCallError, EOFError, IOError, Timeout::Error, JSON::ParserError
        # The server is gone, and this customer's last order in the balance.
      end
    end
    expect(eventually(120) { answered.size >= 20 }).to be(true)
    server.stop("KILL")
    customers.each(&:join)

    promised = Array.new(answered.size) { answered.pop }
    orders = rows("SELECT id, task_id FROM orders ORDER BY id").drop(before.to_i)
    expect(orders.map { |order| order["id"] }).to include(*promised)
    expect(orders.map { |order| order["task_id"] }).to all(be_an(Integer))
    expect(rows("SELECT count(*) AS n FROM orders WHERE state <> 'finished'").first["n"]).to eq(orders.size)

    worker = ExampleApp.spawn(folder, "#{ExampleApp::ROOT}/exe/tasker", "work", env: env, out: worker_log)
    finished = eventually(300) { rows("SELECT count(*) AS n FROM orders WHERE state <> 'finished'") == ["n" => 0] }
    Process.kill("TERM", worker)
    status = Process.wait2(worker).last

    expect(finished).to be_truthy, File.read(worker_log)
    expect(status.exitstatus).to eq(0), File.read(worker_log)
    expect(rows("SELECT count(*) AS n FROM tasker.tasks t LEFT JOIN orders o ON o.task_id = t.task_id WHERE t.namespace = 'shop' AND o.id IS NULL")).to eq(["n" => 0])
  end
end
